/* Every word against libsodium, at every count around the width of a vector. */
#include <sodium.h>
#include <string.h>

#include "base/attrs.h"
#include "base/testing.h"
#include "engine/siphash.h"

static void test_equals_libsodium(void **state)
{
	unsigned char key[crypto_shorthash_siphash24_KEYBYTES];
	uint64_t in[37];
	uint64_t out[37];

	(void)state;
	randombytes_buf(key, sizeof key);
	randombytes_buf(in, sizeof in);
	in[0] = 0;
	in[1] = UINT64_MAX;
	for (size_t count = 0; count <= array_len(in); count++) {
		memset(out, 0, sizeof out);
		siphash_words(key, in, out, count);
		for (size_t i = 0; i < array_len(out); i++) {
			uint64_t expected = 0;
			if (i < count)
				crypto_shorthash_siphash24((unsigned char *)&expected,
					(const unsigned char *)&in[i], sizeof in[i], key);
			assert_int_equal(out[i], expected);
		}
	}
}

static void test_in_place(void **state)
{
	static const unsigned char key[crypto_shorthash_siphash24_KEYBYTES] = "0123456789abcde";
	uint64_t words[11] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
	uint64_t apart[11];

	(void)state;
	siphash_words(key, words, apart, array_len(words));
	siphash_words(key, words, words, array_len(words));
	assert_memory_equal(words, apart, sizeof words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_libsodium),
		cmocka_unit_test(test_in_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
