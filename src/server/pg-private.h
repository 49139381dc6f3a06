#pragma once

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "pgwire/backend.h"
#include "pgwire/frontend.h"
#include "server/pg-door.h"
#include "server/pg-settings.h"
#include "server/pg-spool.h"
#include "server/pg-stream.h"
#include "server/query.h"
#include "sql/command.h"

/* Inside of the PostgreSQL door. A session belongs to its thread, but for what stands under its
 * lock. */

enum {
	PG_OID_TEXT = 25,
	PG_STATEMENTS_MAX = 2000,
	PG_PORTALS_MAX = 100,
	PG_OUT_BYTES = 32 << 10, /* answers are sent when so much has gathered */
};

/* A prepared statement, of Parse or of PREPARE. Heap. */
struct pg_statement {
	struct pg_statement *next;
	char *name;
	struct arena *arena; /* text, oids, command */
	struct slice text;
	uint32_t *oids;
	size_t oid_count;
	struct command command;
	struct query *query; /* opened by Parse, lives until the next Sync at most */
	uint64_t signature;  /* of the columns that a client was told; 0 = none yet */
};

enum pg_portal_state {
	PG_PORTAL_NEW,
	PG_PORTAL_OPEN, /* ran, more rows may come */
	PG_PORTAL_DONE,
};

/* A bound statement, or a cursor of DECLARE. Heap. */
struct pg_portal {
	struct pg_portal *next;
	char *name;
	struct arena *arena; /* all below */
	struct command command;
	struct query *query; /* of the command's query, if it has one */
	struct query_param *params;
	size_t param_count;
	int16_t *formats; /* per column, as Bind or the first FETCH asked */
	struct pg_column *columns;
	size_t column_count;
	enum pg_portal_state state;
	size_t savepoints; /* how many there were when it was made */
	bool cursor;
	/* of cursors (pg-cursor.c) */
	bool hold;
	bool held; /* WITH HOLD, and its transaction has committed: lives until it is closed */
	bool failed;
	struct pg_spool *spool; /* all rows that came so far; NULL = they stream */
	uint64_t position;	/* the row it stands on, from 1; 0 = before the first one */
	bool behind;		/* behind the last row; position is the number of rows then */
};

struct pg_savepoint {
	struct pg_savepoint *next; /* outer one */
	char *name;
	size_t mark;
};

struct pg_session {
	struct pg_session *next; /* door->lock */
	struct pg_session *prev;
	struct pg_door *door;
	struct server *server;
	struct pg_stream stream;
	char peer[64]; /* address without port */
	bool loopback;
	uint16_t minor;
	uint32_t pid;
	uint8_t key[32];
	size_t key_len;
	char id[20];
	char user[256];	     /* with pid, under the door's lock: for other sessions */
	int64_t deadline_us; /* of sign-in */
	struct pg_spool_budget spool_budget;
	const char *refusal; /* told as soon as the client can read it, instead of sign-in; NULL */

	struct arena *request; /* reset before each message */
	struct arena *out_arena;
	struct str out;
	bool broken;	/* the connection is gone, or the protocol was broken beyond repair */
	bool skipping;	/* to the next Sync */
	bool finishing; /* Terminate was read */
	bool several;	/* a Query message of several statements: they share one transaction */

	struct auth_identity *identity;
	struct pg_settings *settings;
	struct pg_statement *statements;
	struct pg_portal *portals;
	size_t statement_count;
	size_t portal_count;

	enum pg_transaction state;
	struct query_snapshot snapshot; /* model NULL = not pinned */
	struct pg_savepoint *savepoints;
	size_t savepoint_count;

	atomic_bool cancelled;
	atomic_bool terminated; /* by pg_terminate_backend: ends before the next message */
	pthread_mutex_t lock;	/* what follows */
	struct query *running;
	bool busy; /* a message is being worked on */
	int64_t busy_since_us;
};

struct pg_door {
	struct server *server;
	int fds[8];
	size_t fd_count;
	int wake_fd;
	int port;
	int max_connections;
	int max_per_address;
	int auth_timeout_ms;
	int idle_in_transaction_ms;
	int idle_session_ms;
	int write_timeout_ms;
	size_t message_max_bytes;
	char *spool_dir;
	uint64_t session_spool_bytes;
	struct pg_spool_budget spool_budget;
	bool tls_required;
	char *server_version;
	char *database;
	gnutls_certificate_credentials_t credentials; /* NULL = no TLS */
	gnutls_priority_t priority;
	uint8_t binding[64]; /* tls-server-end-point */
	size_t binding_len;  /* 0 = not to be had with this certificate */
	pthread_t listener;
	atomic_bool stopping;
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t ended;
	struct pg_session *sessions;
	int session_count; /* the refused ones are not in it */
	int refused_count;
};

/* pg-startup.c: from the first byte to ReadyForQuery. False: the connection is to be closed. */
bool pg_startup(struct pg_session *session);
/* pg-listen.c: the door's sockets, at least one, and its port. 08001 when none can be bound. */
bool pg_door_listen(
	struct pg_door *door, const char *address, int port, struct error *err) must_check;
/* Certificate, key and the channel binding that follows from them. F0000 for a file of no use. */
bool pg_door_load_tls(
	struct pg_door *door, const struct pg_door_config *config, struct error *err) must_check;
/* pg-door.c. Constant time per candidate; unknown keys do nothing. */
void pg_door_cancel(struct pg_door *door, uint32_t pid, struct slice key);
/* A pid that no session has, a random key. */
void pg_door_give_key(struct pg_session *session);
void pg_session_cancel(struct pg_session *session);
enum pg_signal { PG_SIGNAL_CANCEL, PG_SIGNAL_TERMINATE };
/* pg_cancel_backend, pg_terminate_backend: a session of the same user, any for administrators. */
bool pg_door_signal(struct pg_session *from, int64_t pid, enum pg_signal what);

/* pg-session.c: the life of a session's thread. */
void pg_session_run(struct pg_session *session);
/* Sends what gathered; sets broken when the client is gone. */
void pg_flush(struct pg_session *session);
void pg_send_rows(struct pg_session *session, struct slice bytes);
/* An ErrorResponse; a transaction block becomes a failed one. */
void pg_report(struct pg_session *session, const struct error *err);
void pg_report_fatal(struct pg_session *session, const struct error *err);
/* As client_min_messages lets it through. */
void pg_tell(struct pg_session *session, enum pg_severity severity, const char *sqlstate,
	struct slice text);
void pg_complete(struct pg_session *session, const char *tag);
void pg_complete_rows(struct pg_session *session, const char *tag, uint64_t rows);

/* pg-query.c: the only place that calls query.h. */
bool pg_query_open(struct pg_session *session, struct slice text, const uint32_t *oids,
	size_t oid_count, struct query **out, struct error *err) must_check;
struct pg_description {
	struct pg_column *columns;
	size_t column_count;
	const uint32_t *oids; /* of the parameters */
	size_t oid_count;
	uint64_t signature;
};
/* As query_start; can be cancelled meanwhile. */
bool pg_query_start(struct pg_session *session, struct query *query,
	const struct query_execution *how, struct error *err) must_check;
bool pg_query_describe(struct pg_session *session, struct query *query, struct arena *arena,
	struct pg_description *out, struct error *err) must_check;
/* Tells what governance does, then runs. */
enum pg_rows_to { PG_ROWS_TO_CLIENT, PG_ROWS_NOWHERE, PG_ROWS_TO_SPOOL };
struct pg_rows {
	enum pg_rows_to to;
	struct pg_spool *spool;
};
struct pg_outcome {
	enum query_end end;
	uint64_t rows;
};
bool pg_query_run(struct pg_session *session, struct query *query,
	const struct query_execution *how, struct pg_rows to, struct pg_outcome *out,
	struct error *err) must_check;
bool pg_query_fetch(struct pg_session *session, struct query *query, const struct query_more *more,
	struct pg_rows to, struct pg_outcome *out, struct error *err) must_check;

/* pg-transaction.c */
void pg_begin(struct pg_session *session);
/* Also ends a failed block, by rolling back. False: a cursor WITH HOLD could not be read to its
 * end; the transaction was rolled back. */
bool pg_commit(struct pg_session *session, struct error *err) must_check;
void pg_rollback(struct pg_session *session);
/* At Sync and after a Query message: what is outside of a block ends. */
bool pg_end_implicit(struct pg_session *session, struct error *err) must_check;
bool pg_savepoint(
	struct pg_session *session, const struct command *command, struct error *err) must_check;
/* 25P02 for all but the ends of a block. */
bool pg_check_not_failed(const struct pg_session *session, const struct command *command,
	struct error *err) must_check;
/* The identity's purpose follows the setting weft.purpose. */
bool pg_sync_purpose(struct pg_session *session, struct error *err) must_check;

/* pg-prepared.c: statements and portals by name. */
struct pg_statement *pg_statement_find(struct pg_session *session, struct slice name);
bool pg_statement_make(struct pg_session *session, struct slice name, struct slice text,
	struct pg_statement **out, struct error *err) must_check;
void pg_statement_drop(struct pg_session *session, struct pg_statement *statement);
void pg_statements_drop_all(struct pg_session *session);
/* What the client said a parameter is, else what the query makes of it. */
uint32_t pg_param_oid(const struct pg_statement *prepared, const struct pg_description *description,
	size_t index);
/* Gives back workers that prepared statements hold. */
void pg_statements_rest(struct pg_session *session);
struct pg_portal *pg_portal_find(struct pg_session *session, struct slice name);
bool pg_portal_make(struct pg_session *session, struct slice name, struct pg_portal **out,
	struct error *err) must_check;
void pg_portal_drop(struct pg_session *session, struct pg_portal *portal);
enum pg_portals { PG_PORTALS_ALL, PG_PORTALS_OF_TRANSACTION };
/* Those made at or above a savepoint level. */
void pg_portals_drop(struct pg_session *session, enum pg_portals which, size_t savepoints);
/* One whole statement, parsed; several are refused. Slices live in the arena. */
bool pg_parse_one(
	struct arena *arena, struct slice text, struct command *out, struct error *err) must_check;
/* The query inside a command; none when it has none. 25006 when it is one that writes. */
bool pg_inner_query(struct arena *arena, const struct command *command, struct slice *out,
	struct error *err) must_check;
/* Moves an error's position from the inner query to the command's text. */
void pg_shift_position(const struct command *command, struct error *err);

/* pg-extended.c */
bool pg_on_parse(struct pg_session *session, struct slice body, struct error *err) must_check;
bool pg_on_bind(struct pg_session *session, struct slice body, struct error *err) must_check;
bool pg_on_describe(struct pg_session *session, struct slice body, struct error *err) must_check;
bool pg_on_execute(struct pg_session *session, struct slice body, struct error *err) must_check;
bool pg_on_close(struct pg_session *session, struct slice body, struct error *err) must_check;

/* pg-command.c: runs any command. The portal carries its query, parameters and formats. */
struct pg_run {
	struct pg_portal *portal;
	bool describe; /* simple protocol: RowDescription comes with the rows */
	uint64_t max_rows;
};
bool pg_command_run(
	struct pg_session *session, const struct pg_run *run, struct error *err) must_check;
/* Columns of what the command returns; 0 for none. */
bool pg_command_columns(struct pg_session *session, const struct command *command,
	struct arena *arena, struct pg_description *out, struct error *err) must_check;
/* Opens the portal's query, checks the parameters' number, settles formats (count 0, 1 or one per
 * column). prepared may be NULL; its open query is taken over. */
struct pg_formats {
	const int16_t *codes;
	size_t count;
};
bool pg_portal_bind(struct pg_session *session, struct pg_portal *portal,
	struct pg_statement *prepared, struct pg_formats formats, struct error *err) must_check;
/* Text, parsed and bound without parameters, run, dropped: one statement of a Query message. */
bool pg_run_simple(struct pg_session *session, struct slice text, struct error *err) must_check;

/* pg-set.c */
bool pg_run_set(
	struct pg_session *session, const struct command *command, struct error *err) must_check;
bool pg_run_show(
	struct pg_session *session, const struct pg_run *run, struct error *err) must_check;
size_t pg_show_columns(const struct command *command, const struct pg_column **out);

/* pg-cursor.c */
bool pg_run_declare(
	struct pg_session *session, struct pg_portal *from, struct error *err) must_check;
bool pg_run_fetch(
	struct pg_session *session, const struct pg_run *run, struct error *err) must_check;
bool pg_run_close(
	struct pg_session *session, const struct command *command, struct error *err) must_check;

/* Execute of a cursor's portal. */
bool pg_run_cursor(
	struct pg_session *session, const struct pg_run *run, struct error *err) must_check;
/* Reads cursors WITH HOLD of the transaction that ends to their end. */
bool pg_cursors_keep(struct pg_session *session, struct error *err) must_check;

/* pg-copy.c */
bool pg_run_copy(
	struct pg_session *session, struct pg_portal *portal, struct error *err) must_check;
