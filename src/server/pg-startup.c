/*
 * From the first byte to ReadyForQuery: TLS, start-up packet, SCRAM, settings. An unauthenticated
 * peer gets PG_STARTUP_MAX_BYTES, the time of auth_timeout_ms in total, and the same answer whether
 * its user exists or not.
 */
#include <sodium.h>

#include "base/clock.h"
#include "base/num.h"
#include "log/log.h"
#include "pgwire/scram.h"
#include "server/auth.h"
#include "server/pg-private.h"
#include "server/server.h"

/* Signs in with a service token as password. */
#define TOKEN_USER "token"

static int time_left(const struct pg_session *session)
{
	int64_t left_us = session->deadline_us - clock_mono_us(&clock_system);

	return left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
}

static bool fail(struct pg_session *session, const struct error *err)
{
	pg_report_fatal(session, err);
	return false;
}

static bool read_packet(struct pg_session *session, struct slice *out)
{
	unsigned char head[4];

	if (pg_stream_read(&session->stream, head, sizeof head, time_left(session)) != PG_IO_OK)
		return false;
	struct pg_reader reader = pg_reader_of(slice_of((const char *)head, sizeof head));
	uint32_t len = pg_get_u32(&reader);

	/* not PostgreSQL at all, for example HTTP: no answer that it could read */
	if (len < 8 || len > PG_STARTUP_MAX_BYTES)
		return false;
	char *packet = arena_alloc(session->request, len - 4);

	if (pg_stream_read(&session->stream, packet, len - 4, time_left(session)) != PG_IO_OK)
		return false;
	*out = slice_of(packet, len - 4);
	return true;
}

static bool answer_encryption(struct pg_session *session, char answer)
{
	return pg_stream_write(&session->stream, slice_of(&answer, 1)) == PG_IO_OK;
}

static bool start_tls(struct pg_session *session)
{
	struct error err;

	/* what was sent in clear behind the request could pass for the user's own (CVE-2021-23222)
	 */
	if (pg_stream_buffered(&session->stream) > 0) {
		error_set(&err, PROTOCOL_VIOLATION, "received unencrypted data after SSL request");
		error_hint(&err, "This could be an attempt to get between you and the server.");
		return fail(session, &err);
	}
	if (!session->door->credentials)
		return answer_encryption(session, 'N');
	return answer_encryption(session, 'S') &&
	       pg_stream_start_tls(&session->stream, session->door->credentials,
		       session->door->priority, time_left(session)) == PG_IO_OK;
}

/* Reads until the packet that begins a session; encryption may be asked for once each before. */
static bool read_startup(struct pg_session *session, struct pg_startup *out)
{
	struct slice packet;
	struct error err;

	for (int requests = 0; requests < 3; requests++) {
		if (!read_packet(session, &packet))
			return false;
		if (!pg_read_startup(session->request, packet, out, &err))
			return fail(session, &err);
		switch (out->kind) {
		case PG_STARTUP_SESSION: return true;
		case PG_STARTUP_CANCEL:
			pg_door_cancel(session->door, out->cancel_pid, out->cancel_key);
			return false;
		case PG_STARTUP_GSS:
			if (session->stream.tls || pg_stream_buffered(&session->stream) > 0 ||
				!answer_encryption(session, 'N'))
				return false;
			break;
		case PG_STARTUP_SSL:
			if (session->stream.tls || !start_tls(session))
				return false;
			break;
		}
	}
	return false;
}

static bool check_startup(
	struct pg_session *session, const struct pg_startup *startup, struct error *err)
{
	struct slice user = pg_startup_param(startup, "user");
	struct slice replication = pg_startup_param(startup, "replication");

	if (session->refusal) {
		error_set(err, TOO_MANY_CONNECTIONS, "%s", session->refusal);
		return error_hint(err, "Close connections that are not needed, or use a "
				       "connection pool.");
	}
	if (session->door->tls_required && !session->stream.tls && !session->loopback) {
		error_set(
			err, INVALID_AUTHORIZATION, "this server takes encrypted connections only");
		return error_hint(err, "Connect with sslmode=require, or verify-full.");
	}
	if (!user.len)
		return error_set(err, INVALID_AUTHORIZATION,
			"no PostgreSQL user name specified in startup packet");
	if (replication.len && !slice_equal_c(replication, "false") &&
		!slice_equal_c(replication, "off") && !slice_equal_c(replication, "0"))
		return error_set(err, FEATURE_NOT_SUPPORTED, "replication is not supported");
	return true;
}

/* After sign-in only: to others a wrong database says nothing. */
static bool check_database(
	struct pg_session *session, const struct pg_startup *startup, struct error *err)
{
	struct slice asked = pg_startup_param(startup, "database");
	const char *name = session->door->database;

	if (!name || !*name)
		name = server_mesh_name(session->server);
	/* clients that are told none ask for one of the user's name */
	if (!asked.len || !*name || slice_equal_c(asked, name) ||
		slice_equal(asked, pg_startup_param(startup, "user")))
		return true;
	error_set(err, INVALID_CATALOG_NAME, "database \"%.*s\" does not exist",
		SLICE_FMT(slice_sub(asked, 0, 64)));
	return error_hint(err, "The database of this node is \"%s\".", name);
}

/* One 'p' message. */
static bool read_response(struct pg_session *session, struct slice *out, struct error *err)
{
	unsigned char head[5];

	pg_flush(session);
	if (session->broken ||
		pg_stream_read(&session->stream, head, sizeof head, time_left(session)) != PG_IO_OK)
		return error_set(err, INVALID_AUTHORIZATION, "sign-in was not ended in time");
	struct pg_reader reader = pg_reader_of(slice_of((const char *)head + 1, 4));
	uint32_t len = pg_get_u32(&reader);

	if (head[0] != 'p' || len < 4 || len > SCRAM_MESSAGE_MAX_BYTES + 64)
		return error_set(err, PROTOCOL_VIOLATION,
			"expected SASL response, got message type %d", head[0]);
	char *body = arena_alloc(session->request, len - 4);

	if (pg_stream_read(&session->stream, body, len - 4, time_left(session)) != PG_IO_OK)
		return error_set(err, INVALID_AUTHORIZATION, "sign-in was not ended in time");
	*out = slice_of(body, len - 4);
	return true;
}

/* The SCRAM exchange. False: broken off; otherwise *proved_out says whether the password was right.
 */
static bool exchange(
	struct pg_session *session, struct scram_server *scram, bool *proved_out, struct error *err)
{
	static const char *const names[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
	struct slice message = SLICE("");
	struct slice mechanism = SLICE("");
	struct slice reply = SLICE("");

	pg_put_auth_sasl(&session->out, names + !scram->plus_offered, 1 + scram->plus_offered);
	if (!read_response(session, &message, err) ||
		!pg_read_sasl_initial(message, &mechanism, &message, err))
		return false;
	scram->plus = scram->plus_offered && slice_equal_c(mechanism, names[0]);
	if (!scram->plus && !slice_equal_c(mechanism, names[1]))
		return error_set(err, PROTOCOL_VIOLATION,
			"client selected an invalid SASL authentication mechanism");
	if (scram_server_first(scram, message, &reply, err) != SCRAM_OK)
		return false;
	pg_put_auth_sasl_continue(&session->out, reply);
	if (!read_response(session, &message, err))
		return false;
	enum scram_result result = scram_server_final(scram, message, &reply, err);

	*proved_out = result == SCRAM_OK;
	if (result == SCRAM_OK)
		pg_put_auth_sasl_final(&session->out, reply);
	return result != SCRAM_MALFORMED;
}

static bool sign_in_scram(struct pg_session *session, struct slice user, struct error *err)
{
	struct slice peer = slice_from_c(session->peer);
	struct scram_verifier verifier;
	struct scram_server scram = {
		.arena = session->request,
		.verifier = &verifier,
		.plus_offered = session->stream.tls && session->door->binding_len > 0,
		.channel_binding =
			slice_of((const char *)session->door->binding, session->door->binding_len),
	};
	bool proved = false;

	if (!auth_scram_verifier(session->server, user, peer, &verifier, &scram.doomed, err))
		return false;
	bool ended = exchange(session, &scram, &proved, err);

	if (!ended)
		return false;
	return auth_scram_done(session->server, user, peer, proved, &session->identity, err);
}

/* A service token travels as a password in clear: over TLS or on this machine only. */
static bool sign_in_token(struct pg_session *session, struct error *err)
{
	struct slice message = SLICE("");

	if (!session->stream.tls && !session->loopback) {
		error_set(err, INVALID_AUTHORIZATION,
			"tokens are taken over encrypted connections only");
		return error_hint(err, "Connect with sslmode=require, or verify-full.");
	}
	pg_put_auth_cleartext(&session->out);
	if (!read_response(session, &message, err))
		return false;
	struct pg_reader reader = pg_reader_of(message);
	struct slice token = pg_get_text(&reader);

	if (!pg_read_end(&reader, "password", err))
		return false;
	return auth_token(
		session->server, token, slice_from_c(session->peer), &session->identity, err);
}

static bool set_server_parameters(struct pg_session *session, struct error *err)
{
	struct slice name = session->identity->principal.name;
	struct {
		const char *name;
		struct slice value;
	} const fixed[] = {
		{"server_version", slice_from_c(session->door->server_version)},
		{"session_authorization", name},
		{"ssl", session->stream.tls ? SLICE("on") : SLICE("off")},
		{"port", arena_printf(session->request, "%d", session->door->port)},
	};

	for (size_t i = 0; i < array_len(fixed); i++)
		if (!pg_settings_set(session->settings, slice_from_c(fixed[i].name), fixed[i].value,
			    PG_SET_SERVER, err))
			return false;
	return true;
}

/* Parameters of the packet, then those of "options"; what is set here is what RESET goes back to.
 */
static bool set_client_parameters(
	struct pg_session *session, const struct pg_startup *startup, struct error *err)
{
	static const char *const others[] = {"user", "database", "options", "replication"};
	struct pg_pair *options;
	size_t option_count;

	for (size_t i = 0; i < startup->param_count; i++) {
		bool is_other = false;

		for (size_t k = 0; k < array_len(others); k++)
			is_other |= slice_equal_c(startup->params[i].name, others[k]);
		if (!is_other && !pg_settings_set(session->settings, startup->params[i].name,
					 startup->params[i].value, PG_SET_SESSION, err))
			return false;
	}
	if (!pg_read_options(session->request, pg_startup_param(startup, "options"), &options,
		    &option_count, err))
		return false;
	for (size_t i = 0; i < option_count; i++)
		if (!pg_settings_set(session->settings, options[i].name, options[i].value,
			    PG_SET_SESSION, err))
			return false;
	pg_settings_keep_as_default(session->settings);
	return pg_sync_purpose(session, err);
}

static void say_hello(struct pg_session *session)
{
	const struct log_context context = {.session = slice_from_c(session->id),
		.principal = session->identity->principal.name};
	struct log *log = server_log(session->server);
	struct pg_setting_view view;

	pg_put_auth_ok(&session->out);
	while (pg_settings_next_report(session->settings, &view))
		pg_put_parameter_status(&session->out, view.name, view.value);
	pg_door_give_key(session);
	pg_put_backend_key(&session->out, session->pid,
		slice_of((const char *)session->key, session->key_len));
	pg_put_ready(&session->out, PG_IDLE);
	log_say(log, SESSION_START, &context, log_cstr("door", "pg"),
		log_cstr("peer", session->peer), log_bool("tls", session->stream.tls != NULL));
}

static bool sign_in(struct pg_session *session, struct slice user, struct error *err)
{
	bool token = slice_equal_c(user, TOKEN_USER);

	return token ? sign_in_token(session, err) : sign_in_scram(session, user, err);
}

bool pg_startup(struct pg_session *session)
{
	struct pg_startup startup;
	struct error err;

	if (!read_startup(session, &startup))
		return false;
	if (!check_startup(session, &startup, &err))
		return fail(session, &err);
	session->minor = (uint16_t)min_of(startup.minor, 2);
	if (startup.minor > 2 || startup.unknown_option_count)
		pg_put_negotiate(&session->out, session->minor, startup.unknown_options,
			startup.unknown_option_count);
	session->settings = pg_settings_new();
	if (!sign_in(session, pg_startup_param(&startup, "user"), &err) ||
		!auth_require(session->identity, AUTH_QUERY, &err) ||
		!check_database(session, &startup, &err) || !set_server_parameters(session, &err) ||
		!set_client_parameters(session, &startup, &err))
		return fail(session, &err);
	say_hello(session);
	pg_flush(session);
	return !session->broken;
}
