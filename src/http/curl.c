#include "http/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/attrs.h"
#include "base/num.h"

/* Set once under the lock, then constant: the library stays loaded, since GnuTLS does not like to
 * go before the process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct curl loaded;
static void *library;

static bool resolve(struct error *err)
{
	const struct {
		const char *name;
		void *slot;
	} symbols[] = {
		{"curl_global_init", &loaded.global_init},
		{"curl_easy_init", &loaded.easy_init},
		{"curl_easy_cleanup", &loaded.easy_cleanup},
		{"curl_easy_setopt", &loaded.easy_setopt},
		{"curl_easy_perform", &loaded.easy_perform},
		{"curl_easy_getinfo", &loaded.easy_getinfo},
		{"curl_easy_reset", &loaded.easy_reset},
		{"curl_easy_pause", &loaded.easy_pause},
		{"curl_easy_strerror", &loaded.easy_strerror},
		{"curl_slist_append", &loaded.slist_append},
		{"curl_slist_free_all", &loaded.slist_free_all},
		{"curl_multi_init", &loaded.multi_init},
		{"curl_multi_cleanup", &loaded.multi_cleanup},
		{"curl_multi_add_handle", &loaded.multi_add_handle},
		{"curl_multi_remove_handle", &loaded.multi_remove_handle},
		{"curl_multi_perform", &loaded.multi_perform},
		{"curl_multi_poll", &loaded.multi_poll},
		{"curl_multi_info_read", &loaded.multi_info_read},
		{"curl_multi_wakeup", &loaded.multi_wakeup},
	};

	for (size_t i = 0; i < array_len(symbols); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol)
			return error_set(err, CANNOT_CONNECT, "libcurl lacks %s", symbols[i].name);
		memcpy(symbols[i].slot, (const void *)&symbol, sizeof symbol);
	}
	return true;
}

static bool load_locked(struct error *err)
{
	if (library)
		return true;
	library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		/* Under the lock. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		error_set(err, CANNOT_CONNECT, "libcurl cannot be loaded: %s", dlerror());
		return error_hint(err, "install the package libcurl3-gnutls");
	}
	if (resolve(err) && (loaded.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ||
				    error_set(err, CANNOT_CONNECT, "libcurl does not start")))
		return true;
	dlclose(library);
	library = NULL;
	return false;
}

const struct curl *curl_load(struct error *err)
{
	pthread_mutex_lock(&lock);
	bool ok = load_locked(err);

	pthread_mutex_unlock(&lock);
	return ok ? &loaded : NULL;
}
