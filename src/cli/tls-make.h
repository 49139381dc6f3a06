#pragma once

#include "base/error.h"

/* A self-signed certificate for a host's name, localhost and the loopback addresses, good for ten
 * years, and its ECDSA P-256 key, both as PEM files (0600 for the key). */
bool tls_make(const char *host, const char *cert_path, const char *key_path,
	struct error *err) must_check;
/* Seconds until the first certificate of a PEM file expires (negative: it has). F0000. */
bool tls_seconds_left(const char *cert_path, long long *out, struct error *err) must_check;
