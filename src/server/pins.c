#include "server/pins.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/num.h"
#include "store/versions.h"

struct pin {
	struct pin *next;      /* of all */
	struct pin *next_held; /* of its holder */
	char *product;
	int64_t made_us; /* of the oldest version that is held */
};

struct pins {
	pthread_mutex_t lock; /* over the look at the store, too: see pins_pause */
	struct pin *first;
};

struct pins *pins_new(void)
{
	struct pins *pins = calloc(1, sizeof *pins);
	check(pins != NULL);
	pthread_mutex_init(&pins->lock, NULL);
	return pins;
}

void pins_free(struct pins **pins_ptr)
{
	struct pins *pins = take(*pins_ptr);
	if (!pins)
		return;
	check(pins->first == NULL);
	pthread_mutex_destroy(&pins->lock);
	free(pins);
}

static struct pin *add_locked(struct pins *pins, struct slice product, struct pin **held)
{
	struct pin *pin = calloc(1, sizeof *pin);
	check(pin != NULL);
	pin->product = strndup(product.ptr, product.len);
	check(pin->product != NULL);
	pin->made_us = INT64_MAX;
	pin->next = pins->first;
	pins->first = pin;
	pin->next_held = *held;
	*held = pin;
	return pin;
}

static void hold_locked(struct pins *pins, struct slice product, int64_t made_us, struct pin **held)
{
	struct pin *pin = *held;
	while (pin && !slice_equal_c(product, pin->product))
		pin = pin->next_held;
	if (!pin)
		pin = add_locked(pins, product, held);
	pin->made_us = min_of(pin->made_us, made_us);
}

bool pins_hold(struct pins *pins, struct store *store, struct slice product, int64_t version,
	struct pin **held, struct error *err)
{
	int64_t made_us;
	pthread_mutex_lock(&pins->lock);
	bool ok = versions_made_us(store, product, version, &made_us, err);
	if (ok && made_us)
		hold_locked(pins, product, made_us, held);
	pthread_mutex_unlock(&pins->lock);
	if (!ok || made_us)
		return ok;
	error_set(err, UNDEFINED_OBJECT, "version %" PRId64 " of %.*s was removed a moment ago",
		version, SLICE_FMT(product));
	return error_hint(err, "SELECT * FROM mesh.versions shows the versions that can be read");
}

static void unlink_locked(struct pins *pins, const struct pin *pin)
{
	struct pin **at = &pins->first;
	while (*at != pin)
		at = &(*at)->next;
	*at = pin->next;
}

void pins_drop(struct pins *pins, struct pin **held)
{
	if (!*held)
		return;
	pthread_mutex_lock(&pins->lock);
	while (*held) {
		struct pin *pin = *held;
		*held = pin->next_held;
		unlink_locked(pins, pin);
		free(pin->product);
		free(pin);
	}
	pthread_mutex_unlock(&pins->lock);
}

int64_t pins_pause(struct pins *pins, struct slice product)
{
	int64_t oldest_us = INT64_MAX;
	pthread_mutex_lock(&pins->lock);
	for (const struct pin *pin = pins->first; pin; pin = pin->next)
		if (slice_equal_c(product, pin->product))
			oldest_us = min_of(oldest_us, pin->made_us);
	return oldest_us;
}

void pins_resume(struct pins *pins)
{
	pthread_mutex_unlock(&pins->lock);
}
