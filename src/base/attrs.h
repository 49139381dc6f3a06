#pragma once

/* Keywords of our C: ownership and result checking, spelt out where they stand. */

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

/* scoped(x_free) struct x *x = NULL;  calls x_free(&x) at the end of the block. */
#define scoped(free_fn) __attribute__((cleanup(free_fn)))

/* take(x): hand ownership on; the scoped variable is NULL afterwards. */
#define take(ptr)                                                                                  \
	({                                                                                         \
		__typeof__(ptr) taken_ = (ptr);                                                    \
		(ptr) = NULL;                                                                      \
		taken_;                                                                            \
	})

#define array_len(a) (sizeof(a) / sizeof((a)[0]))
