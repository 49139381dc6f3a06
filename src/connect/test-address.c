#include "base/testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "connect/address.h"

union any {
	struct sockaddr plain;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union any parse(const char *text)
{
	union any out = {0};

	if (inet_pton(AF_INET, text, &out.v4.sin_addr) == 1)
		out.v4.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &out.v6.sin6_addr) == 1)
		out.v6.sin6_family = AF_INET6;
	else
		fail_msg("%s", text);
	return out;
}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		enum address_kind kind;
	} ROWS[] = {
		{"8.8.8.8", ADDRESS_PUBLIC},
		{"172.15.255.255", ADDRESS_PUBLIC},
		{"172.16.0.0", ADDRESS_PRIVATE},
		{"172.31.255.255", ADDRESS_PRIVATE},
		{"172.32.0.0", ADDRESS_PUBLIC},
		{"10.1.2.3", ADDRESS_PRIVATE},
		{"192.168.0.1", ADDRESS_PRIVATE},
		{"127.9.9.9", ADDRESS_PRIVATE},
		{"100.64.0.1", ADDRESS_PRIVATE},
		{"169.254.169.254", ADDRESS_SPECIAL},
		{"0.0.0.0", ADDRESS_SPECIAL},
		{"224.0.0.1", ADDRESS_SPECIAL},
		{"255.255.255.255", ADDRESS_SPECIAL},
		{"2606:4700::1", ADDRESS_PUBLIC},
		{"::1", ADDRESS_PRIVATE},
		{"::", ADDRESS_SPECIAL},
		{"::ffff:127.0.0.1", ADDRESS_PRIVATE},
		{"::ffff:169.254.169.254", ADDRESS_SPECIAL},
		{"::ffff:8.8.8.8", ADDRESS_PUBLIC},
		{"64:ff9b::7f00:1", ADDRESS_SPECIAL},
		{"2002:7f00:1::", ADDRESS_SPECIAL},
		{"fd12::1", ADDRESS_PRIVATE},
		{"fd00:ec2::254", ADDRESS_SPECIAL},
		{"fe80::1", ADDRESS_SPECIAL},
		{"ff02::1", ADDRESS_SPECIAL},
	};
	struct sockaddr local = {.sa_family = AF_UNIX};
	(void)state;

	for (size_t i = 0; i < array_len(ROWS); i++) {
		union any address = parse(ROWS[i].text);

		if (address_kind(&address.plain) != ROWS[i].kind)
			fail_msg("%s is %d", ROWS[i].text, address_kind(&address.plain));
	}
	assert_int_equal(address_kind(&local), ADDRESS_SPECIAL);
}

static void test_networks(void **state)
{
	static const struct {
		const char *address;
		const char *network;
		bool in;
	} ROWS[] = {
		{"10.1.2.3", "10.0.0.0/8", true},
		{"11.1.2.3", "10.0.0.0/8", false},
		{"10.1.2.3", "10.1.2.3", true},
		{"10.1.2.4", "10.1.2.3", false},
		{"10.1.2.3", "0.0.0.0/0", true},
		{"::1", "0.0.0.0/0", false},
		{"::ffff:10.1.2.3", "10.1.2.0/24", true},
		{"192.168.5.129", "192.168.5.128/25", true},
		{"192.168.5.127", "192.168.5.128/25", false},
		{"fd00::1", "fd00::/8", true},
		{"10.1.2.3", "::/0", true},
		{"10.1.2.3", "10.0.0.0/33", false},
		{"10.1.2.3", "10.0.0.0/-1", false},
		{"10.1.2.3", "10.0.0.0/", false},
		{"10.1.2.3", "example.org", false},
		{"10.1.2.3", "", false},
	};
	(void)state;

	for (size_t i = 0; i < array_len(ROWS); i++) {
		union any address = parse(ROWS[i].address);
		scoped(json_drop) json_t *list = json_pack("[s]", ROWS[i].network);

		if (address_is_in(&address.plain, list) != ROWS[i].in)
			fail_msg("%s in %s", ROWS[i].address, ROWS[i].network);
	}
}

static void test_text(void **state)
{
	char text[INET6_ADDRSTRLEN];
	union any v4 = parse("169.254.169.254");
	union any v6 = parse("fe80::1");
	(void)state;

	address_print(&v4.plain, text);
	assert_string_equal(text, "169.254.169.254");
	address_print(&v6.plain, text);
	assert_string_equal(text, "fe80::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_networks), cmocka_unit_test(test_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
