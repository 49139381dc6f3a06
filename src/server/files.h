#pragma once

#include "base/error.h"

/* Small things with folders and files. Any thread. */

/* Every folder above path, 0755. */
bool files_make_parents(const char *path, struct error *err) must_check;
/* rename, or copy, sync and unlink across file systems. The target's folder is synced. */
bool files_move(const char *from, const char *to, struct error *err) must_check;
/* Removes a folder and all below, links as links; what is missing is fine. */
void remove_tree(const char *path);
