#include "server/audit.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/str.h"
#include "catalog/model.h"
#include "server/query-private.h"
#include "server/server-private.h"
#include "server/tend.h"
#include "store/audit.h"

static struct slice tables_json(struct arena *arena, const struct plan *plan)
{
	struct str out = str_in(arena);
	str_add_char(&out, '[');
	for (size_t i = 0; i < plan->table_count; i++) {
		const struct plan_table *t = &plan->tables[i];
		str_add_c(&out, i ? ",{\"table\":" : "{\"table\":");
		struct slice name =
			arena_printf(arena, "%.*s.%.*s", SLICE_FMT(t->domain), SLICE_FMT(t->name));
		str_add_json(&out, name);
		str_printf(&out, ",\"version\":%lld,\"columns\":[", (long long)t->version);
		for (size_t j = 0; j < t->column_count; j++) {
			str_add_c(&out, j ? "," : "");
			str_add_json(&out, t->columns[j]);
		}
		str_add_c(&out, "]}");
	}
	str_add_char(&out, ']');
	return str_slice(&out);
}

static struct slice details_json(struct arena *arena, const struct query *q)
{
	struct str out = str_in(arena);
	str_printf(&out, "{\"apply\":%lld", (long long)q->newest.model->apply);
	for (size_t i = 0; i < q->plan->table_count; i++) {
		const struct plan_table *t = &q->plan->tables[i];
		str_add_char(&out, ',');
		str_add_json(&out,
			arena_printf(arena, "%.*s.%.*s", SLICE_FMT(t->domain), SLICE_FMT(t->name)));
		str_add_char(&out, ':');
		str_add(&out, t->decision);
	}
	str_add_char(&out, '}');
	return str_slice(&out);
}

/* Whole up to 64 KB, which nobody writes by hand. Of a longer one the beginning and by what its
 * sender can prove the rest: else a user could fill the store with text. */
static struct slice text_of(struct arena *arena, struct slice text)
{
	enum { KEPT = 64 * 1024 };
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[sizeof hash * 2 + 1];
	size_t kept = KEPT;
	if (text.len <= KEPT)
		return text;
	while (kept > 0 && ((unsigned char)text.ptr[kept] & 0xc0) == 0x80)
		kept--;
	crypto_hash_sha256(hash, (const unsigned char *)text.ptr, text.len);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	return arena_printf(arena, "%.*s… (%zu bytes, SHA-256 %s)",
		SLICE_FMT(slice_sub(text, 0, kept)), text.len, hex);
}

static struct audit_begin common(struct arena *arena, const struct query *q)
{
	return (struct audit_begin){.principal = q->principal_name,
		.purpose = q->principal.purpose,
		.door = q->request.door,
		.session = q->request.session,
		.request_id = q->request.request_id,
		.statement = text_of(arena, q->request.text),
		.epoch = q->newest.model->epoch};
}

/* Each table of a statement is one decision. */
static void count_decisions(const struct query *q)
{
	for (size_t i = 0; i < q->plan->table_count; i++)
		if (!q->plan->tables[i].system)
			metrics_add(q->server->metrics, METRIC_DECISIONS_TOTAL,
				q->plan->tables[i].restricted ? "restricted" : "allowed", NULL, 1);
}

/* What never ran was refused by governance or the gate, or could not be tried at all. */
static const char *refused_as(const struct error *failure)
{
	switch (failure->state) {
	case SQLSTATE_QUERY_CANCELED: return "cancelled";
	case SQLSTATE_TOO_MANY_CONNECTIONS:
	case SQLSTATE_CRASH_SHUTDOWN:
	case SQLSTATE_ADMIN_SHUTDOWN:
	case SQLSTATE_INSUFFICIENT_RESOURCES:
	case SQLSTATE_INTERNAL_ERROR: return "error";
	default: return "refused";
	}
}

bool query_audit_begin(struct query *q, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	if (q->part)
		return true;
	struct audit_begin record = common(scratch, q);
	record.tables = tables_json(scratch, q->plan);
	record.decision = SLICE("allow");
	record.details = details_json(scratch, q);
	count_decisions(q);
	if (audit_write(q->server->store, &record, &q->audit, err))
		return true;
	tend_store_failed(q->server, "write the audit record of a statement", err);
	return false;
}

static const char *outcome_of(const struct error *failure)
{
	if (!failure)
		return "ok";
	return failure->state == SQLSTATE_QUERY_CANCELED ? "cancelled" : "error";
}

static void complete(struct query *q, const struct error *failure, const char *counted_as)
{
	struct audit_end end = {.outcome = slice_from_c(outcome_of(failure)),
		.state = failure ? slice_from_c(sqlstate_table[failure->state].code) : SLICE_NONE,
		.rows = (int64_t)q->rows,
		.bytes = (int64_t)q->bytes,
		.duration_us = clock_mono_us(&clock_system) - q->opened_us};
	audit_complete(q->server->store, q->audit, &end);
	struct tend_query counted = {.door = q->request.door,
		.outcome = counted_as,
		.rows = q->rows,
		.bytes = q->bytes,
		.duration_us = end.duration_us,
		.queued_us = q->queued_us};
	tend_count_query(q->server, &counted);
	q->audit = 0;
}

void query_audit_end(struct query *q, const struct error *failure)
{
	if (!q->audit)
		return;
	struct log_context where = {.session = q->request.session,
		.request = q->request.request_id,
		.principal = q->principal.name};
	int64_t ms = (clock_mono_us(&clock_system) - q->opened_us) / 1000;
	if (failure && failure->state == SQLSTATE_INTERNAL_ERROR)
		log_failure(q->server->log, EVENT_QUERY_BUG, &where, "run a statement", failure);
	else if (failure)
		log_say(q->server->log, QUERY_FAILED, &where,
			log_cstr("outcome", outcome_of(failure)),
			log_cstr("state", sqlstate_table[failure->state].code),
			log_cstr("message", failure->msg), log_int("rows", (int64_t)q->rows),
			log_int("ms", ms));
	else
		log_say(q->server->log, QUERY_DONE, &where, log_cstr("outcome", "ok"),
			log_int("rows", (int64_t)q->rows), log_int("ms", ms));
	complete(q, failure, outcome_of(failure));
}

void query_audit_refused(struct query *q, const struct error *failure)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct error err;
	struct audit_begin record = common(scratch, q);
	record.tables = SLICE("[]");
	record.decision = SLICE("deny");
	record.details = SLICE("{}");
	if (!audit_write(q->server->store, &record, &q->audit, &err)) {
		log_failure(
			q->server->log, EVENT_STORE_FAILED, NULL, "write an audit record", &err);
		return;
	}
	if (failure->state == SQLSTATE_INSUFFICIENT_PRIVILEGE ||
		failure->state == SQLSTATE_UNDEFINED_TABLE)
		metrics_add(q->server->metrics, METRIC_DECISIONS_TOTAL, "denied", NULL, 1);
	struct log_context where = {.session = q->request.session,
		.request = q->request.request_id,
		.principal = q->principal_name};
	log_failure(q->server->log, EVENT_QUERY_REFUSED, &where, "refuse a statement", failure);
	complete(q, failure, refused_as(failure));
}

void query_settle(struct server *server)
{
	struct error err;
	if (!audit_flush(server->store, &err))
		tend_store_failed(server, "complete audit records", &err);
}
