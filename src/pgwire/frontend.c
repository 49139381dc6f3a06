/*
 * Decoders of client messages: straight lines of gets over a sticky reader, one decision at the
 * end. Counts are checked against the bytes that are left before an array is made, so a short
 * message cannot ask for memory.
 */
#include "pgwire/frontend.h"

#include "base/vec.h"

enum {
	CODE_CANCEL = 80877102,
	CODE_SSL = 80877103,
	CODE_GSS = 80877104,
};

struct pg_reader pg_reader_of(struct slice body)
{
	return (struct pg_reader){.at = (const unsigned char *)body.ptr, .left = body.len};
}

static const unsigned char *take_bytes(struct pg_reader *reader, size_t count)
{
	const unsigned char *at = reader->at;

	if (reader->failed || reader->left < count) {
		reader->failed = true;
		return NULL;
	}
	reader->at += count;
	reader->left -= count;
	return at;
}

uint8_t pg_get_u8(struct pg_reader *reader)
{
	const unsigned char *at = take_bytes(reader, 1);

	return at ? at[0] : 0;
}

uint16_t pg_get_u16(struct pg_reader *reader)
{
	const unsigned char *at = take_bytes(reader, 2);

	return at ? (uint16_t)(at[0] * 256u + at[1]) : 0;
}

uint32_t pg_get_u32(struct pg_reader *reader)
{
	const unsigned char *at = take_bytes(reader, 4);

	return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
		  : 0;
}

struct slice pg_get_text(struct pg_reader *reader)
{
	const unsigned char *nul =
		reader->failed || reader->left == 0 ? NULL : memchr(reader->at, 0, reader->left);

	if (!nul) {
		reader->failed = true;
		return SLICE("");
	}
	size_t len = (size_t)(nul - reader->at);
	struct slice text = slice_of((const char *)reader->at, len);

	(void)take_bytes(reader, len + 1);
	return text;
}

struct slice pg_get_bytes(struct pg_reader *reader, size_t count)
{
	const unsigned char *at = take_bytes(reader, count);

	return at ? slice_of((const char *)at, count) : SLICE("");
}

bool pg_read_end(const struct pg_reader *reader, const char *message, struct error *err)
{
	if (reader->failed)
		return error_set(err, PROTOCOL_VIOLATION, "%s message is too short", message);
	if (reader->left)
		return error_set(err, PROTOCOL_VIOLATION, "%s message has %zu bytes too many",
			message, reader->left);
	return true;
}

static bool read_cancel(struct pg_reader *reader, struct pg_startup *out, struct error *err)
{
	out->kind = PG_STARTUP_CANCEL;
	out->cancel_pid = pg_get_u32(reader);
	if (reader->failed || reader->left < 4 || reader->left > PG_CANCEL_KEY_MAX_BYTES)
		return error_set(err, PROTOCOL_VIOLATION, "cancel request of a wrong length");
	out->cancel_key = pg_get_bytes(reader, reader->left);
	return true;
}

static bool read_params(
	struct arena *arena, struct pg_reader *reader, struct pg_startup *out, struct error *err)
{
	VEC(struct pg_pair) params = {0};
	VEC(struct slice) unknown = {0};

	while (!reader->failed && reader->left > 1) {
		struct slice name = pg_get_text(reader);
		struct slice value = pg_get_text(reader);

		if (params.len + unknown.len >= PG_STARTUP_MAX_PARAMS)
			return error_set(err, PROTOCOL_VIOLATION,
				"more than %d start-up parameters", PG_STARTUP_MAX_PARAMS);
		if (!slice_is_utf8(name) || !slice_is_utf8(value))
			return error_set(
				err, INVALID_ENCODING, "a start-up parameter is not UTF-8");
		if (slice_starts_with(name, SLICE("_pq_.")))
			vec_push(arena, &unknown, name);
		else
			vec_push(arena, &params, (struct pg_pair){name, value});
	}
	if (pg_get_u8(reader) != 0)
		return error_set(err, PROTOCOL_VIOLATION, "start-up packet without its end");
	out->params = params.items;
	out->param_count = params.len;
	out->unknown_options = unknown.items;
	out->unknown_option_count = unknown.len;
	return pg_read_end(reader, "start-up", err);
}

bool pg_read_startup(
	struct arena *arena, struct slice packet, struct pg_startup *out, struct error *err)
{
	struct pg_reader reader = pg_reader_of(packet);
	uint32_t code = pg_get_u32(&reader);

	*out = (struct pg_startup){0};
	if (packet.len > PG_STARTUP_MAX_BYTES)
		return error_set(err, PROTOCOL_VIOLATION,
			"start-up packet of %zu bytes; the limit is %d", packet.len,
			PG_STARTUP_MAX_BYTES);
	if (code == CODE_CANCEL)
		return read_cancel(&reader, out, err);
	if (code == CODE_SSL || code == CODE_GSS) {
		out->kind = code == CODE_SSL ? PG_STARTUP_SSL : PG_STARTUP_GSS;
		return pg_read_end(&reader, "encryption request", err);
	}
	if (code >> 16 != 3) {
		error_set(err, FEATURE_NOT_SUPPORTED, "frontend protocol %u.%u is not supported",
			code >> 16, code & 0xffff);
		return error_hint(err, "This server speaks the PostgreSQL protocol 3.0 and 3.2.");
	}
	out->kind = PG_STARTUP_SESSION;
	out->minor = (uint16_t)(code & 0xffff);
	return read_params(arena, &reader, out, err);
}

struct slice pg_startup_param(const struct pg_startup *startup, const char *name)
{
	for (size_t i = startup->param_count; i > 0; i--)
		if (slice_equal_c(startup->params[i - 1].name, name))
			return startup->params[i - 1].value;
	return SLICE_NONE;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word of "options", backslashes resolved; none at the end. */
static struct slice next_word(struct arena *arena, struct slice *rest)
{
	while (rest->len && is_blank(rest->ptr[0]))
		*rest = slice_sub(*rest, 1, rest->len);
	if (!rest->len)
		return SLICE_NONE;
	char *word = arena_alloc(arena, rest->len + 1);
	size_t len = 0;
	size_t at = 0;

	while (at < rest->len && !is_blank(rest->ptr[at])) {
		if (rest->ptr[at] == '\\' && at + 1 < rest->len)
			at++;
		word[len++] = rest->ptr[at++];
	}
	*rest = slice_sub(*rest, at, rest->len);
	return slice_of(word, len);
}

bool pg_read_options(struct arena *arena, struct slice options, struct pg_pair **out,
	size_t *count_out, struct error *err)
{
	VEC(struct pg_pair) pairs = {0};
	struct slice word;

	while (!slice_is_none(word = next_word(arena, &options))) {
		struct slice setting = slice_sub(word, 2, word.len);

		if (slice_equal_c(word, "-c"))
			setting = next_word(arena, &options);
		else if (!slice_starts_with(word, SLICE("-c")) &&
			 !slice_starts_with(word, SLICE("--")))
			setting = SLICE_NONE;
		size_t equals =
			slice_is_none(setting) ? SIZE_MAX : slice_find(setting, SLICE("="), 0);

		if (equals == SIZE_MAX || equals == 0) {
			error_set(err, INVALID_PARAMETER_VALUE,
				"cannot read \"%.*s\" in the connection's options",
				SLICE_FMT(word));
			return error_hint(err, "Write options as \"-c name=value\".");
		}
		char *name = arena_cstr(arena, slice_sub(setting, 0, equals));

		/* "--client-min-messages" means client_min_messages, as in PostgreSQL */
		for (char *at = name; word.ptr[1] == '-' && *at; at++)
			if (*at == '-')
				*at = '_';
		vec_push(arena, &pairs,
			(struct pg_pair){
				slice_from_c(name), slice_sub(setting, equals + 1, setting.len)});
	}
	*out = pairs.items;
	*count_out = pairs.len;
	return true;
}

bool pg_read_parse(struct arena *arena, struct slice body, struct pg_parse *out, struct error *err)
{
	struct pg_reader reader = pg_reader_of(body);

	*out = (struct pg_parse){.name = pg_get_text(&reader), .text = pg_get_text(&reader)};
	out->oid_count = pg_get_u16(&reader);
	if (reader.left < out->oid_count * 4)
		return error_set(err, PROTOCOL_VIOLATION, "Parse message is too short");
	out->oids = arena_array_of(arena, uint32_t, out->oid_count);
	for (size_t i = 0; i < out->oid_count; i++)
		out->oids[i] = pg_get_u32(&reader);
	return pg_read_end(&reader, "Parse", err);
}

/* A counted list of format codes, each 0 or 1. */
static int16_t *read_formats(
	struct arena *arena, struct pg_reader *reader, size_t *count_out, bool *bad)
{
	size_t count = pg_get_u16(reader);

	*count_out = 0;
	if (reader->failed || reader->left < count * 2) {
		reader->failed = true;
		return NULL;
	}
	int16_t *formats = arena_array_of(arena, int16_t, count);

	for (size_t i = 0; i < count; i++) {
		formats[i] = (int16_t)pg_get_u16(reader);
		*bad |= formats[i] != 0 && formats[i] != 1;
	}
	*count_out = count;
	return formats;
}

static void read_values(struct arena *arena, struct pg_reader *reader, struct pg_bind *out)
{
	size_t count = pg_get_u16(reader);

	if (reader->failed || reader->left < count * 4) {
		reader->failed = true;
		return;
	}
	out->values = arena_array_of(arena, struct slice, count);
	out->value_count = count;
	for (size_t i = 0; i < count; i++) {
		uint32_t len = pg_get_u32(reader);

		out->values[i] = len == UINT32_MAX ? SLICE_NONE : pg_get_bytes(reader, len);
	}
}

bool pg_read_bind(struct arena *arena, struct slice body, struct pg_bind *out, struct error *err)
{
	struct pg_reader reader = pg_reader_of(body);
	bool bad_format = false;

	*out = (struct pg_bind){.portal = pg_get_text(&reader), .statement = pg_get_text(&reader)};
	out->param_formats = read_formats(arena, &reader, &out->param_format_count, &bad_format);
	read_values(arena, &reader, out);
	out->result_formats = read_formats(arena, &reader, &out->result_format_count, &bad_format);
	if (!pg_read_end(&reader, "Bind", err))
		return false;
	if (bad_format)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"Bind message has a format code other than 0 (text) and 1 (binary)");
	if (out->param_format_count > 1 && out->param_format_count != out->value_count)
		return error_set(err, PROTOCOL_VIOLATION,
			"Bind message has %zu parameter formats but %zu parameters",
			out->param_format_count, out->value_count);
	return true;
}

bool pg_read_target(struct slice body, struct pg_target *out, struct error *err)
{
	struct pg_reader reader = pg_reader_of(body);

	out->kind = (char)pg_get_u8(&reader);
	out->name = pg_get_text(&reader);
	if (!pg_read_end(&reader, "Describe or Close", err))
		return false;
	if (out->kind != 'S' && out->kind != 'P')
		return error_set(err, PROTOCOL_VIOLATION,
			"Describe or Close names neither a statement nor a portal");
	return true;
}

bool pg_read_execute(struct slice body, struct pg_execute *out, struct error *err)
{
	struct pg_reader reader = pg_reader_of(body);

	out->portal = pg_get_text(&reader);
	out->max_rows = pg_get_u32(&reader);
	if (out->max_rows > INT32_MAX)
		out->max_rows = 0; /* PostgreSQL: zero or less means all */
	return pg_read_end(&reader, "Execute", err);
}

bool pg_read_query(struct slice body, struct slice *out, struct error *err)
{
	struct pg_reader reader = pg_reader_of(body);

	*out = pg_get_text(&reader);
	return pg_read_end(&reader, "Query", err);
}

bool pg_read_sasl_initial(struct slice body, struct slice *mechanism_out,
	struct slice *response_out, struct error *err)
{
	struct pg_reader reader = pg_reader_of(body);

	*mechanism_out = pg_get_text(&reader);
	uint32_t len = pg_get_u32(&reader);

	*response_out = len == UINT32_MAX ? SLICE_NONE : pg_get_bytes(&reader, len);
	return pg_read_end(&reader, "SASLInitialResponse", err);
}
