#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012) of each of count words
 * of eight bytes, little-endian: out[i] = SipHash(key, in[i]), what libsodium's crypto_shorthash
 * gives for the eight bytes. libsodium hashes one message at a time; a column of integers is hashed
 * several words at a time here, which is what makes a pseudonym cost less than reading the column.
 * key: 16 bytes. in and out may be the same. Any thread.
 */
void siphash_words(const unsigned char *key, const uint64_t *in, uint64_t *out, size_t count);
