#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/slice.h"
#include "base/str.h"

/* Answers packed on their way (RFC 1952), in constant memory. */
struct gzip;

/* Whether an Accept-Encoding header takes gzip. none = no. Pure. */
bool gzip_accepted(struct slice accept_encoding);

/* Where the bytes come from: as stream_read, some bytes, STREAM_END or STREAM_BROKEN. */
typedef ssize_t (*gzip_source_fn)(void *ctx, char *buffer, size_t max);

/* ctx is borrowed. */
struct gzip *gzip_new(gzip_source_fn source, void *ctx);
void gzip_free(struct gzip **gzip);
/* As gzip_source_fn; max > 6, or zlib repeats its marks for ever. What the source gave is passed on
 * before it is asked again and might wait, so that lines of a log come when they are written. */
ssize_t gzip_read(struct gzip *gzip, char *buffer, size_t max);
/* A whole text at once. */
void gzip_text(struct slice text, struct str *out);
