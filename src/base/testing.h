#pragma once

/* What every unit test includes: cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

/* Set-up and teardown of tests whose state is an arena. */
static inline int arena_setup(void **state)
{
	*state = arena_new();
	return 0;
}

static inline int arena_teardown(void **state)
{
	struct arena *arena = *state;

	arena_free(&arena);
	return 0;
}
