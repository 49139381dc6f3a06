/*
 * What the PostgreSQL door opens before it takes anybody in: its sockets and its certificate.
 * pg-door.c closes both.
 */
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/pg-private.h"

enum { BACKLOG = 128 };

static bool open_socket(struct pg_door *door, const struct addrinfo *info)
{
	int on = 1;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return false;
	}
	door->fds[door->fd_count++] = fd;
	return true;
}

static int port_of(int fd)
{
	/* the port stands at the same place in both families */
	struct sockaddr_in6 address;
	socklen_t len = sizeof address;

	memset(&address, 0, sizeof address);
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return ntohs(address.sin6_port);
}

bool pg_door_listen(struct pg_door *door, const char *address, int port, struct error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	char service[16];

	snprintf(service, sizeof service, "%d", port);
	int result =
		getaddrinfo(strcmp(address, "*") == 0 ? NULL : address, service, &hints, &found);

	if (result != 0)
		return error_set(err, CANNOT_CONNECT, "PostgreSQL door: address \"%s\": %s",
			address, gai_strerror(result));
	int failure = 0;

	for (struct addrinfo *at = found; at && door->fd_count < array_len(door->fds);
		at = at->ai_next) {
		/* with port 0 the system chooses once: further addresses get the same one */
		if (port == 0 && door->fd_count > 0)
			break;
		if (!open_socket(door, at))
			failure = errno;
	}
	freeaddrinfo(found);
	if (door->fd_count == 0) {
		char text[128];

		error_set(err, CANNOT_CONNECT, "PostgreSQL door: cannot listen on %s port %d: %s",
			address, port, strerror_r(failure, text, sizeof text));
		return error_hint(err, "Another server may use the port; see the settings "
				       "pg.address and pg.port.");
	}
	door->port = port_of(door->fds[0]);
	return true;
}

/* tls-server-end-point (RFC 5929, section 4.1): the certificate's hash with its signature's hash
 * function, at least SHA-256. Signatures without one (Ed25519) have no such binding. */
static void make_binding(struct pg_door *door)
{
	gnutls_x509_crt_t *chain = NULL;
	unsigned count = 0;
	gnutls_datum_t der = {0};

	if (gnutls_certificate_get_x509_crt(door->credentials, 0, &chain, &count) != 0)
		return;
	int algorithm = count ? gnutls_x509_crt_get_signature_algorithm(chain[0]) : 0;
	gnutls_digest_algorithm_t hash =
		gnutls_sign_get_hash_algorithm((gnutls_sign_algorithm_t)algorithm);

	if (algorithm == GNUTLS_SIGN_EDDSA_ED25519 || algorithm == GNUTLS_SIGN_EDDSA_ED448)
		hash = GNUTLS_DIG_UNKNOWN;
	if (hash == GNUTLS_DIG_MD5 || hash == GNUTLS_DIG_SHA1)
		hash = GNUTLS_DIG_SHA256;
	bool known =
		hash == GNUTLS_DIG_SHA256 || hash == GNUTLS_DIG_SHA384 || hash == GNUTLS_DIG_SHA512;

	if (count && known && gnutls_x509_crt_export2(chain[0], GNUTLS_X509_FMT_DER, &der) == 0 &&
		gnutls_hash_fast(hash, der.data, der.size, door->binding) == 0)
		door->binding_len = (size_t)gnutls_hash_get_len(hash);
	gnutls_free(der.data);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
}

bool pg_door_load_tls(struct pg_door *door, const struct pg_door_config *config, struct error *err)
{
	int result = gnutls_certificate_allocate_credentials(&door->credentials);

	if (result == 0)
		result = gnutls_certificate_set_x509_key_file(door->credentials,
			config->tls_cert_file, config->tls_key_file, GNUTLS_X509_FMT_PEM);
	if (result == 0)
		result = gnutls_priority_init(
			&door->priority, "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3", NULL);
	if (result < 0) {
		error_set(err, CONFIG_FILE_ERROR, "PostgreSQL door: certificate %s, key %s: %s",
			config->tls_cert_file, config->tls_key_file, gnutls_strerror(result));
		return error_hint(
			err, "Both are PEM files; see the settings tls.cert and tls.key.");
	}
	make_binding(door);
	return true;
}
