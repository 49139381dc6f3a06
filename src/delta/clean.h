#pragma once

#include <stdint.h>

/* The newest checkpoint of the folder with a copy of its rows, not after most (-1 = any); -1 =
 * there is none. */
int64_t delta_newest_kept(const char *table_dir, int64_t most);
