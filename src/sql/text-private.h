#pragma once

#include "base/slice.h"

/* 1-based character position of a byte offset, as PostgreSQL counts. */
int text_position(struct slice text, size_t offset);
