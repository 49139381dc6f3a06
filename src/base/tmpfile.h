#pragma once

#include "base/error.h"

/* A file without a name in a folder, for reading and writing: gone with its last descriptor. The
 * caller closes it. 58030 and its like. Any thread. */
bool tmpfile_open(const char *folder, int *fd_out, struct error *err) must_check;
