#pragma once

#include "base/attrs.h"

/*
 * Bugs (kind 1 of docs/architecture.md "Errors"): always checked, also in release builds.
 * Never use these on bytes from a peer, a file or a user: those are failures (error.h).
 */

/* Prints file, line and message to stderr, aborts. Any thread. */
_Noreturn void panic_at(const char *file, int line, const char *fmt, ...) printf_like(3, 4);

#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)
#define check(cond) ((cond) ? (void)0 : panic("check failed: %s", #cond))
