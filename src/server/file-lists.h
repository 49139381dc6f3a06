#pragma once

#include "catalog/model.h"

/*
 * The files of published versions, kept in memory until anything durable changes in the store: what
 * most statements read is the newest version of a few tables. Any thread.
 */
struct file_lists;
struct file_list_ref; /* counted; its files live as long as it */

struct file_lists *file_lists_new(void);
void file_lists_free(struct file_lists **lists);

/* As model_files_at. End it with file_list_unref. */
bool file_lists_get(struct file_lists *lists, struct store *store, const struct model_table *table,
	int64_t version, struct file_list_ref **out, struct error *err) must_check;
const struct model_files *file_list_files(const struct file_list_ref *ref);
void file_list_unref(struct file_list_ref **ref);
