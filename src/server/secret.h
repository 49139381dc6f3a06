#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "manifest/manifest.h"

/* A secret's value: from a file below <data>/secrets, or from an environment variable whose name
 * begins with WEFT_. Other places are refused with F0000: a domain owner must not be able to
 * send the node's own keys to a source of theirs. Never logged. Any thread. */
bool secret_resolve(const char *data_dir, const struct manifest_secret *secret, struct arena *arena,
	struct slice *value_out, struct error *err) must_check;
