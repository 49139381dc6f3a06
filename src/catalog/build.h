#pragma once

#include "catalog/model.h"
#include "store/store.h"

/*
 * Reads the manifests in force and the published state from the store and builds the model. The
 * reference count of the answer is 1. An empty store gives an empty model. F0000 when what is in
 * the store is no valid mesh (apply checks first, so this means a damaged or newer store).
 */
bool model_build(struct store *store, const struct model **out, struct error *err) must_check;
