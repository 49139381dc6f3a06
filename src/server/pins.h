#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct store;

/*
 * How far back statements and transactions read with AT: what they read must stay until they end,
 * though it leaves the retention meanwhile. One pin for each product that a holder reads. Any
 * thread.
 */
struct pins;
struct pin;

struct pins *pins_new(void);
void pins_free(struct pins **pins);
/* The version and all after it stay until pins_drop of held, a list that begins as NULL. 42704 when
 * the version went meanwhile. */
bool pins_hold(struct pins *pins, struct store *store, struct slice product, int64_t version,
	struct pin **held, struct error *err) must_check;
void pins_drop(struct pins *pins, struct pin **held);
/* When the oldest version that is held of a product was made, INT64_MAX without one; nothing is
 * pinned anew before pins_resume. For a vacuum. */
int64_t pins_pause(struct pins *pins, struct slice product);
void pins_resume(struct pins *pins);
