/* See siphash.h. Words do not depend on each other, so the compiler makes vectors of the loop: this
 * file is compiled with -O3. */
#include "engine/siphash.h"

#include <string.h>

#define ROTATE(x, bits) ((x) << (bits) | (x) >> (64 - (bits)))

/* Only inlined it is compiled for the instructions of its caller. */
static inline __attribute__((always_inline)) uint64_t hash(uint64_t k0, uint64_t k1, uint64_t word)
{
	const uint64_t length = (uint64_t)sizeof word << 56;
	const uint64_t blocks[2] = {word, length};
	uint64_t v0 = k0 ^ 0x736f6d6570736575;
	uint64_t v1 = k1 ^ 0x646f72616e646f6d;
	uint64_t v2 = k0 ^ 0x6c7967656e657261;
	uint64_t v3 = k1 ^ 0x7465646279746573;
	for (int round = 0; round < 8; round++) {
		/* two rounds a block, four to finish */
		if (round == 0 || round == 2)
			v3 ^= blocks[round / 2];
		v0 += v1;
		v2 += v3;
		v1 = ROTATE(v1, 13) ^ v0;
		v3 = ROTATE(v3, 16) ^ v2;
		v0 = ROTATE(v0, 32);
		v2 += v1;
		v0 += v3;
		v1 = ROTATE(v1, 17) ^ v2;
		v3 = ROTATE(v3, 21) ^ v0;
		v2 = ROTATE(v2, 32);
		if (round == 1 || round == 3)
			v0 ^= blocks[round / 2];
		if (round == 3)
			v2 ^= 0xff;
	}
	return v0 ^ v1 ^ v2 ^ v3;
}

/* The processor's best is chosen when the program starts. */
#if defined(__x86_64__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

FOR_EACH_PROCESSOR static void hash_all(
	const uint64_t key[2], const uint64_t *in, uint64_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = hash(key[0], key[1], in[i]);
}

void siphash_words(const unsigned char *key, const uint64_t *in, uint64_t *out, size_t count)
{
	uint64_t words[2];
	memcpy(words, key, sizeof words);
	hash_all(words, in, out, count);
}
