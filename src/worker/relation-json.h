#pragma once

#include "base/json.h"
#include "engine/relation.h"
#include "ipc/frame.h"

/* RELATION objects of ipc/worker.h as the engine's; slices are borrowed from list. frame is the one
 * that the objects came in (its descriptors); NULL = none. 08P01 when one is not complete. */
bool relations_from_json(struct arena *arena, const json_t *list, const struct frame *frame,
	const struct relation **out, size_t *count_out, struct error *err) must_check;
