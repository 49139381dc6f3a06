#include "cli/tls-make.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "cli/files.h"

enum { DAY_S = 86400, LIFE_DAYS = 3650, SERIAL_BYTES = 16, PEM_MAX_BYTES = 1 << 20 };

static bool gnutls_failed(int code, const char *what, struct error *err)
{
	return error_set(err, INTERNAL_ERROR, "%s: %s", what, gnutls_strerror(code));
}

static int add_names(gnutls_x509_crt_t cert, const char *host)
{
	const unsigned char v4[4] = {127, 0, 0, 1};
	const unsigned char v6[16] = {[15] = 1};
	int code = gnutls_x509_crt_set_subject_alt_name(
		cert, GNUTLS_SAN_DNSNAME, "localhost", strlen("localhost"), GNUTLS_FSAN_SET);

	if (code == 0 && strcmp(host, "localhost") != 0)
		code = gnutls_x509_crt_set_subject_alt_name(
			cert, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
	if (code == 0)
		code = gnutls_x509_crt_set_subject_alt_name(
			cert, GNUTLS_SAN_IPADDRESS, v4, sizeof v4, GNUTLS_FSAN_APPEND);
	if (code == 0)
		code = gnutls_x509_crt_set_subject_alt_name(
			cert, GNUTLS_SAN_IPADDRESS, v6, sizeof v6, GNUTLS_FSAN_APPEND);
	return code;
}

static int fill(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key, const char *host)
{
	unsigned char serial[SERIAL_BYTES];
	time_t now = time(NULL);
	int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);

	serial[0] &= 0x7f;
	if (code == 0)
		code = gnutls_x509_crt_set_version(cert, 3);
	if (code == 0)
		code = gnutls_x509_crt_set_serial(cert, serial, sizeof serial);
	if (code == 0)
		code = gnutls_x509_crt_set_activation_time(cert, now - DAY_S);
	if (code == 0)
		code = gnutls_x509_crt_set_expiration_time(cert, now + (time_t)LIFE_DAYS * DAY_S);
	if (code == 0)
		code = gnutls_x509_crt_set_dn_by_oid(
			cert, GNUTLS_OID_X520_COMMON_NAME, 0, host, (unsigned)strlen(host));
	if (code == 0)
		code = add_names(cert, host);
	if (code == 0)
		code = gnutls_x509_crt_set_key(cert, key);
	if (code == 0)
		code = gnutls_x509_crt_set_key_usage(cert, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (code == 0)
		code = gnutls_x509_crt_set_key_purpose_oid(cert, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (code == 0)
		code = gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0);
	return code;
}

static bool write_pem(const gnutls_datum_t *pem, const char *path, unsigned mode, struct error *err)
{
	return file_write(path, slice_of((char *)pem->data, pem->size), mode, err);
}

static bool export_both(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key, const char *cert_path,
	const char *key_path, struct error *err)
{
	gnutls_datum_t cert_pem = {0};
	gnutls_datum_t key_pem = {0};
	int code = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &cert_pem);

	if (code == 0)
		code = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem);
	bool ok = code == 0 ? write_pem(&key_pem, key_path, 0600, err) &&
				      write_pem(&cert_pem, cert_path, 0644, err)
			    : gnutls_failed(code, "print the certificate", err);

	if (key_pem.data)
		explicit_bzero(key_pem.data, key_pem.size);
	gnutls_free(key_pem.data);
	gnutls_free(cert_pem.data);
	return ok;
}

bool tls_make(const char *host, const char *cert_path, const char *key_path, struct error *err)
{
	gnutls_x509_crt_t cert = NULL;
	gnutls_x509_privkey_t key = NULL;
	int code = gnutls_x509_crt_init(&cert);

	if (code == 0)
		code = gnutls_x509_privkey_init(&key);
	if (code == 0)
		code = gnutls_x509_privkey_generate(
			key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (code == 0)
		code = fill(cert, key, host);
	bool ok = code == 0 ? export_both(cert, key, cert_path, key_path, err)
			    : gnutls_failed(code, "make the TLS certificate", err);

	gnutls_x509_privkey_deinit(key);
	gnutls_x509_crt_deinit(cert);
	return ok;
}

bool tls_seconds_left(const char *cert_path, long long *out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice text = SLICE_NONE;
	gnutls_x509_crt_t cert = NULL;

	if (!file_read(arena, cert_path, PEM_MAX_BYTES, &text, err))
		return false;
	const gnutls_datum_t pem = {(unsigned char *)(uintptr_t)text.ptr, (unsigned)text.len};
	int code = gnutls_x509_crt_init(&cert);

	if (code == 0)
		code = gnutls_x509_crt_import(cert, &pem, GNUTLS_X509_FMT_PEM);
	if (code == 0)
		*out = (long long)(gnutls_x509_crt_get_expiration_time(cert) - time(NULL));
	gnutls_x509_crt_deinit(cert);
	if (code == 0)
		return true;
	return error_set(err, CONFIG_FILE_ERROR, "%s is no certificate: %s", cert_path,
		gnutls_strerror(code));
}
