#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The PostgreSQL door: a listener thread, a thread per connection with blocking code, TLS by
 * GnuTLS. Statements go only through query.h. Start and stop belong to the thread that owns struct
 * server.
 */
struct server;
struct pg_door;

struct pg_door_config {
	const char *address;	   /* "127.0.0.1", "::", "*" for every address */
	int port;		   /* 0 = the system chooses, see pg_door_port */
	const char *tls_cert_file; /* PEM; NULL = no TLS */
	const char *tls_key_file;
	bool tls_required;	    /* refuse sessions without TLS, loopback excepted */
	const char *server_version; /* the parameter server_version; NULL = "15.0 (Weft …)" */
	const char *database; /* name of the mesh; sessions may ask for this one only; NULL = any */
	/* 0 takes the default in brackets, where there is one */
	int max_connections;		 /* [200] in total */
	int max_connections_per_address; /* [50] loopback counts too */
	int auth_timeout_ms;		 /* [10000] from accept to the end of sign-in */
	int idle_in_transaction_ms;	 /* 0 never; then the session is ended */
	int idle_session_ms;		 /* 0 never */
	int write_timeout_ms;		 /* [120000] a client that takes no bytes */
	size_t message_max_bytes;	 /* [16 MiB] a message after sign-in */
	const char *spool_dir;		 /* ["/tmp"] for rows that cursors keep */
	uint64_t spool_max_bytes;	 /* of one session; 0 = no limit */
};

/* err: 08001 when the address cannot be bound, F0000 for certificate or key. Borrows nothing. */
bool pg_door_start(struct server *server, const struct pg_door_config *config, struct pg_door **out,
	struct error *err) must_check;
int pg_door_port(const struct pg_door *door);
/* No new connections; idle sessions end at once (57P01), running statements get drain_ms, then are
 * cancelled. Returns when the last session's thread has ended. */
void pg_door_stop(struct pg_door **door, int drain_ms);
