#include "mesh/key.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

/* Signatures by libsodium, PEM by GnuTLS: libsodium has no files, and GnuTLS no thumbprints. */

enum { PEM_MAX_BYTES = 4096 };

struct key {
	unsigned char seed[crypto_sign_SEEDBYTES];
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	struct public_key public;
};

static struct key *from_seed(const unsigned char *seed)
{
	struct key *key = sodium_malloc(sizeof *key);

	check(key != NULL);
	memcpy(key->seed, seed, sizeof key->seed);
	check(crypto_sign_seed_keypair(key->public.bytes, key->secret, key->seed) == 0);
	return key;
}

struct key *key_make(void)
{
	unsigned char seed[crypto_sign_SEEDBYTES];

	check(sodium_init() >= 0);
	randombytes_buf(seed, sizeof seed);
	struct key *key = from_seed(seed);

	sodium_memzero(seed, sizeof seed);
	return key;
}

void key_free(struct key **key)
{
	sodium_free(*key); /* wipes */
	*key = NULL;
}

const struct public_key *key_public(const struct key *key)
{
	return &key->public;
}

void key_sign(const struct key *key, struct slice bytes, unsigned char out[SIGNATURE_BYTES])
{
	check(crypto_sign_detached(
		      out, NULL, (const unsigned char *)bytes.ptr, bytes.len, key->secret) == 0);
}

static bool no_key(const char *path, const char *why, struct error *err)
{
	error_set(err, CONFIG_FILE_ERROR, "%s holds no Ed25519 key: %s", path, why);
	return error_hint(err, "put the file back from a backup");
}

static bool parse_pem(
	const gnutls_datum_t *pem, const char *path, struct key **out, struct error *err)
{
	gnutls_privkey_t key = NULL;
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
	gnutls_datum_t x = {0};
	gnutls_datum_t y = {0};
	gnutls_datum_t k = {0};
	int code = gnutls_privkey_init(&key);

	if (code == 0)
		code = gnutls_privkey_import_x509_raw(key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code == 0)
		code = gnutls_privkey_export_ecc_raw(key, &curve, &x, &y, &k);
	bool ok = code == 0 && curve == GNUTLS_ECC_CURVE_ED25519 && k.size == crypto_sign_SEEDBYTES;

	if (ok)
		*out = from_seed(k.data);
	else
		no_key(path, code ? gnutls_strerror(code) : "it is of another kind", err);
	if (k.data)
		sodium_memzero(k.data, k.size);
	gnutls_free(x.data);
	gnutls_free(y.data);
	gnutls_free(k.data);
	gnutls_privkey_deinit(key);
	return ok;
}

/* The file's mode is part of its secrecy. */
static bool check_mode(int fd, const char *path, struct error *err)
{
	struct stat found;

	if (fstat(fd, &found) != 0)
		return error_set_errno(err, errno, "look at %s", path);
	if (!S_ISREG(found.st_mode))
		return no_key(path, "it is no file", err);
	if ((found.st_mode & 077) == 0)
		return true;
	error_set(err, CONFIG_FILE_ERROR, "others may read the key %s", path);
	return error_hint(err, "chmod 600 %s", path);
}

bool key_read(const char *path, struct key **out, struct error *err)
{
	unsigned char text[PEM_MAX_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	check(sodium_init() >= 0);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, UNDEFINED_FILE, "the key %s is missing", path);
	if (fd < 0)
		return error_set_errno(err, errno, "open %s", path);
	ssize_t len = 0;
	bool ok = check_mode(fd, path, err);

	if (ok && (len = read(fd, text, sizeof text)) < 0)
		ok = error_set_errno(err, errno, "read %s", path);
	close(fd);
	if (!ok)
		return false;
	const gnutls_datum_t pem = {text, (unsigned)len};
	ok = parse_pem(&pem, path, out, err);
	sodium_memzero(text, sizeof text);
	return ok;
}

/* PKCS #8: gnutls_x509_privkey_export2_pkcs8 of the raw numbers. */
static bool print_pem(const struct key *key, gnutls_datum_t *out, struct error *err)
{
	unsigned char x_bytes[PUBLIC_KEY_BYTES];
	unsigned char k_bytes[crypto_sign_SEEDBYTES];
	gnutls_x509_privkey_t file = NULL;

	memcpy(x_bytes, key->public.bytes, sizeof x_bytes);
	memcpy(k_bytes, key->seed, sizeof k_bytes);
	const gnutls_datum_t x = {x_bytes, sizeof x_bytes};
	const gnutls_datum_t k = {k_bytes, sizeof k_bytes};
	int code = gnutls_x509_privkey_init(&file);

	if (code == 0)
		code = gnutls_x509_privkey_import_ecc_raw(
			file, GNUTLS_ECC_CURVE_ED25519, &x, NULL, &k);
	if (code == 0)
		code = gnutls_x509_privkey_export2_pkcs8(
			file, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, out);
	gnutls_x509_privkey_deinit(file);
	sodium_memzero(k_bytes, sizeof k_bytes);
	if (code == 0)
		return true;
	return error_set(err, INTERNAL_ERROR, "print a key: %s", gnutls_strerror(code));
}

/* A crash must not leave a key that is named in the mesh file on no disk. */
static bool sync_folder(const char *path, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *folder = arena_cstr(arena, slice_folder(slice_from_c(path)));
	int fd = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "open %s", folder);
	bool ok = fsync(fd) == 0 || error_set_errno(err, errno, "sync %s", folder);

	close(fd);
	return ok;
}

static bool write_new(const char *path, const gnutls_datum_t *pem, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST) {
		error_set(err, DUPLICATE_OBJECT, "there is a key %s already", path);
		return error_hint(err, "keys are never overwritten: move it away first");
	}
	if (fd < 0)
		return error_set_errno(err, errno, "write %s", path);
	ssize_t len = write(fd, pem->data, pem->size);
	bool ok = len == (ssize_t)pem->size && fsync(fd) == 0;

	if (!ok) {
		error_set_errno(err, len < 0 || (size_t)len == pem->size ? errno : ENOSPC,
			"write %s", path);
		unlink(path);
	}
	close(fd);
	return ok && sync_folder(path, err);
}

bool key_write(const struct key *key, const char *path, struct error *err)
{
	gnutls_datum_t pem = {0};

	if (!print_pem(key, &pem, err))
		return false;
	bool ok = write_new(path, &pem, err);

	sodium_memzero(pem.data, pem.size);
	gnutls_free(pem.data);
	return ok;
}

bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool public_key_verify(const struct public_key *key, struct slice bytes,
	const unsigned char signature[SIGNATURE_BYTES])
{
	return crypto_sign_verify_detached(
		       signature, (const unsigned char *)bytes.ptr, bytes.len, key->bytes) == 0;
}

static struct slice print_base64(struct arena *arena, struct slice bytes, int variant)
{
	size_t room = sodium_base64_encoded_len(bytes.len, variant);
	char *text = arena_alloc(arena, room);

	sodium_bin2base64(text, room, (const unsigned char *)bytes.ptr, bytes.len, variant);
	return slice_from_c(text);
}

static bool read_base64(struct arena *arena, struct slice text, int variant, struct slice *out)
{
	unsigned char *bytes = arena_alloc(arena, text.len + 1);
	const char *end = NULL;
	size_t len = 0;

	if (slice_is_none(text) ||
		sodium_base642bin(
			bytes, text.len + 1, text.ptr, text.len, NULL, &len, &end, variant) != 0 ||
		end != text.ptr + text.len)
		return false;
	*out = slice_of((char *)bytes, len);
	return true;
}

struct slice base64url_print(struct arena *arena, struct slice bytes)
{
	return print_base64(arena, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool base64url_read(struct arena *arena, struct slice text, struct slice *out)
{
	return read_base64(arena, text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, out);
}

struct slice base64_print(struct arena *arena, struct slice bytes)
{
	return print_base64(arena, bytes, sodium_base64_VARIANT_ORIGINAL);
}

bool base64_read(struct arena *arena, struct slice text, struct slice *out)
{
	return read_base64(arena, text, sodium_base64_VARIANT_ORIGINAL, out);
}

struct slice public_key_thumbprint(struct arena *arena, const struct public_key *key)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	struct slice x =
		base64url_print(arena, slice_of((const char *)key->bytes, sizeof key->bytes));
	/* RFC 7638 section 3: required members only, in the order of their names, no spaces. */
	struct slice text = arena_printf(
		arena, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%.*s\"}", SLICE_FMT(x));

	crypto_hash_sha256(digest, (const unsigned char *)text.ptr, text.len);
	return base64url_print(arena, slice_of((char *)digest, sizeof digest));
}

json_t *public_key_print(const struct public_key *key)
{
	scoped(arena_free) struct arena *arena = arena_new();
	json_t *jwk = json_object();

	json_set_slice(jwk, "kty", SLICE("OKP"));
	json_set_slice(jwk, "crv", SLICE("Ed25519"));
	json_set_slice(jwk, "x",
		base64url_print(arena, slice_of((const char *)key->bytes, sizeof key->bytes)));
	return jwk;
}

bool public_key_read(const json_t *jwk, struct public_key *out)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice bytes = SLICE_NONE;

	if (!slice_equal(json_get_slice(jwk, "kty"), SLICE("OKP")) ||
		!slice_equal(json_get_slice(jwk, "crv"), SLICE("Ed25519")) ||
		json_object_get(jwk, "d") ||
		!base64url_read(arena, json_get_slice(jwk, "x"), &bytes) ||
		bytes.len != sizeof out->bytes)
		return false;
	memcpy(out->bytes, bytes.ptr, sizeof out->bytes);
	return true;
}
