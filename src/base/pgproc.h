#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * The functions behind PostgreSQL's types (pg_type.typinput …), by which drivers know how a type
 * travels: their numbers and names. Names are those of pg_type.dat, numbers are ours except for
 * those of arrays. Static; any thread.
 */
enum pgproc_role { PGPROC_IN, PGPROC_OUT, PGPROC_RECV, PGPROC_SEND, PGPROC_ROLES };

enum { PGPROC_NAME_MAX = 64 };

/* type must be one of pgtype.def; 0 for the few that have no binary form. */
uint32_t pgproc_of_type(uint32_t type, enum pgproc_role role);
/* "int4recv", terminated; false when there is no such function. */
bool pgproc_name(uint32_t oid, char out[PGPROC_NAME_MAX]);
