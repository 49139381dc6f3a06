#pragma once

#include <sys/socket.h>

#include "base/error.h"
#include "base/json.h"

/*
 * Where a connector may connect to. Pure. Networks are texts: "10.0.0.0/8", "fd00::/8", or one
 * address.
 */
enum address_kind {
	ADDRESS_PUBLIC,
	ADDRESS_PRIVATE, /* this machine, or a network of one's own (RFC 1918, 4193, 6598) */
	ADDRESS_SPECIAL, /* link-local (where clouds keep credentials), multicast, unspecified */
};

/* IPv4 within IPv6 counts as what it stands for; another family is special. */
enum address_kind address_kind(const struct sockaddr *address);
/* The address lies in one of the networks (an array of texts; NULL = none). What is no network fits
 * nothing. */
bool address_is_in(const struct sockaddr *address, const json_t *networks);
/* Digits of the address; text has room for INET6_ADDRSTRLEN bytes. */
void address_print(const struct sockaddr *address, char *text);
