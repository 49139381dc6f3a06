#include "base/testing.h"

#include <stdlib.h>

#include "pgwire/scram.h"

/* RFC 7677, section 3: user "user", password "pencil". */
static const char rfc_verifier[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
				   "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
				   "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_FINAL                                                                                  \
	"c=biws,r=" CLIENT_NONCE SERVER_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

struct fixture {
	struct arena *arena;
	struct scram_verifier verifier;
	struct scram_server scram;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->arena = arena_new();
	assert_true(scram_verifier_parse(slice_from_c(rfc_verifier), &f->verifier, &f->err));
	f->scram = (struct scram_server){
		.arena = f->arena, .verifier = &f->verifier, .server_nonce = SLICE(SERVER_NONCE)};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	free(f);
	return 0;
}

static void test_rfc_vector(void **state)
{
	struct fixture *f = *state;
	struct slice reply;

	assert_int_equal(SCRAM_OK,
		scram_server_first(&f->scram, SLICE("n,,n=user,r=" CLIENT_NONCE), &reply, &f->err));
	assert_true(slice_equal_c(
		reply, "r=" CLIENT_NONCE SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
	assert_int_equal(
		SCRAM_OK, scram_server_final(&f->scram, SLICE(RFC_FINAL), &reply, &f->err));
	assert_true(slice_equal_c(reply, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
}

static void test_doomed_is_refused(void **state)
{
	struct fixture *f = *state;
	struct slice reply;

	f->scram.doomed = true;
	assert_int_equal(SCRAM_OK,
		scram_server_first(&f->scram, SLICE("n,,n=,r=" CLIENT_NONCE), &reply, &f->err));
	assert_int_equal(SCRAM_WRONG_PASSWORD,
		scram_server_final(&f->scram, SLICE(RFC_FINAL), &reply, &f->err));
}

struct bad_row {
	const char *first;
	const char *final; /* NULL: the first message fails */
	enum scram_result result;
	enum sqlstate state;
};

static const struct bad_row bad_rows[] = {
	{"", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,n=user", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,n=user,r=", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,n=user,r=a b", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,m=x,n=user,r=abc", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,a=admin,n=user,r=abc", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"x,,n=user,r=abc", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,n=\xff,r=abc", NULL, SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"p=tls-server-end-point,,n=,r=abc", NULL, SCRAM_MALFORMED, SQLSTATE_INVALID_AUTHORIZATION},
	{"n,,n=,r=" CLIENT_NONCE, "", SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,n=,r=" CLIENT_NONCE, "c=biws", SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,n=,r=" CLIENT_NONCE, "c=biws,r=other,p=AAAA", SCRAM_MALFORMED,
		SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,n=,r=" CLIENT_NONCE, "c=biws,r=other,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		SCRAM_MALFORMED, SQLSTATE_PROTOCOL_VIOLATION},
	{"n,,n=,r=" CLIENT_NONCE,
		"c=eSws,r=" CLIENT_NONCE SERVER_NONCE
		",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		SCRAM_MALFORMED, SQLSTATE_INVALID_AUTHORIZATION},
	{"n,,n=,r=" CLIENT_NONCE,
		"c=biws,r=" CLIENT_NONCE SERVER_NONCE
		",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		SCRAM_WRONG_PASSWORD, SQLSTATE_SUCCESS},
};

static void test_bad_messages(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < array_len(bad_rows); i++) {
		const struct bad_row *row = &bad_rows[i];
		struct scram_server scram = f->scram;
		struct slice reply;
		struct error err = {0};
		enum scram_result result =
			scram_server_first(&scram, slice_from_c(row->first), &reply, &err);

		if (row->final) {
			assert_int_equal(SCRAM_OK, result);
			result = scram_server_final(&scram, slice_from_c(row->final), &reply, &err);
		}
		assert_int_equal(row->result, result);
		assert_int_equal(row->state, err.state);
	}
}

static void test_downgrade_is_seen(void **state)
{
	struct fixture *f = *state;
	struct slice reply;

	f->scram.plus_offered = true;
	assert_int_equal(SCRAM_MALFORMED,
		scram_server_first(&f->scram, SLICE("y,,n=,r=abc"), &reply, &f->err));
	f->scram.plus = true;
	assert_int_equal(SCRAM_MALFORMED,
		scram_server_first(&f->scram, SLICE("n,,n=,r=abc"), &reply, &f->err));
	assert_int_equal(
		SCRAM_OK, scram_server_first(&f->scram, SLICE("p=tls-server-end-point,,n=,r=abc"),
				  &reply, &f->err));
}

static void test_verifier_round_trip(void **state)
{
	struct fixture *f = *state;
	struct scram_verifier made;
	struct scram_verifier again;
	const char *passwords[] = {"pencil", "p\xc3\xa4ssw\xc3\xb6rd", "\xff\xfe raw bytes", " "};

	for (size_t i = 0; i < array_len(passwords); i++) {
		struct slice password = slice_from_c(passwords[i]);

		assert_true(scram_verifier_make(password, 10, &made, &f->err));
		assert_true(scram_verifier_parse(
			scram_verifier_print(f->arena, &made), &again, &f->err));
		assert_memory_equal(&made, &again, sizeof made);
		assert_true(scram_verifier_matches(&again, password));
		assert_false(scram_verifier_matches(&again, SLICE("other")));
	}
	assert_true(scram_verifier_matches(&f->verifier, SLICE("pencil")));
	assert_false(scram_verifier_make(SLICE(""), 10, &made, &f->err));
	/* NFD and NFC of the same text are the same password */
	assert_true(scram_verifier_make(SLICE("a\xcc\x88"), 10, &made, &f->err));
	assert_true(scram_verifier_matches(&made, SLICE("\xc3\xa4")));
}

static void test_bad_verifiers(void **state)
{
	struct fixture *f = *state;
	const char *texts[] = {"", "SCRAM-SHA-256$", "md5abc", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA",
		"SCRAM-SHA-256$99999999999:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:W22Z$AAAA:AAAA",
		"SCRAM-SHA-256$4096:!$AAAA:AAAA"};

	for (size_t i = 0; i < array_len(texts); i++)
		assert_false(scram_verifier_parse(slice_from_c(texts[i]), &f->verifier, &f->err));
}

static void test_mock_is_stable(void **state)
{
	struct scram_verifier a;
	struct scram_verifier b;

	(void)state;
	scram_verifier_mock(SLICE("node"), SLICE("eve"), SCRAM_ITERATIONS, &a);
	scram_verifier_mock(SLICE("node"), SLICE("eve"), SCRAM_ITERATIONS, &b);
	assert_memory_equal(&a, &b, sizeof a);
	scram_verifier_mock(SLICE("node"), SLICE("eva"), SCRAM_ITERATIONS, &b);
	assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_BYTES);
	assert_int_equal(SCRAM_SALT_BYTES, a.salt_len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rfc_vector, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_doomed_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_downgrade_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_verifier_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_verifiers, set_up, tear_down),
		cmocka_unit_test(test_mock_is_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
