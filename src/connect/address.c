/* Addresses as 16 bytes: IPv4 as ::ffff:a.b.c.d, so that one comparison does for both. */
#include "connect/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/slice.h"

enum { MAPPED_BITS = 96 };

struct bits {
	unsigned char at[16];
};

static const unsigned char MAPPED[12] = {[10] = 0xff, [11] = 0xff};

static bool to_bits(const struct sockaddr *address, struct bits *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof v4);
		memcpy(out->at, MAPPED, sizeof MAPPED);
		memcpy(out->at + sizeof MAPPED, &v4.sin_addr, 4);
		return true;
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&v6, address, sizeof v6);
	memcpy(out->at, &v6.sin6_addr, sizeof out->at);
	return true;
}

static bool same_prefix(const struct bits *a, const struct bits *b, int64_t len)
{
	size_t whole = (size_t)len / 8;
	int rest = (int)(len % 8);

	return memcmp(a->at, b->at, whole) == 0 &&
	       (rest == 0 || (a->at[whole] ^ b->at[whole]) >> (8 - rest) == 0);
}

static bool parse_network(struct slice text, struct bits *out, int64_t *len)
{
	struct slice address = slice_split(&text, '/');
	char name[INET6_ADDRSTRLEN] = {0};
	bool has_len = !slice_is_none(text);

	if (address.len >= sizeof name)
		return false;
	memcpy(name, address.ptr, address.len);
	*len = 128;
	if (has_len && !slice_to_i64(text, len))
		return false;
	if (inet_pton(AF_INET, name, out->at + sizeof MAPPED) == 1) {
		memcpy(out->at, MAPPED, sizeof MAPPED);
		*len += has_len ? MAPPED_BITS : 0;
		return *len >= MAPPED_BITS && *len <= 128;
	}
	return inet_pton(AF_INET6, name, out->at) == 1 && *len >= 0 && *len <= 128;
}

static bool fits(const struct bits *bits, struct slice network)
{
	struct bits wanted;
	int64_t len;

	return parse_network(network, &wanted, &len) && same_prefix(bits, &wanted, len);
}

enum address_kind address_kind(const struct sockaddr *address)
{
	/* RFC 6890 and its successors; in order: the narrower first. NAT64 and 6to4 lead to IPv4.
	 */
	static const struct {
		const char *network;
		enum address_kind kind;
	} RANGES[] = {
		{"0.0.0.0/8", ADDRESS_SPECIAL},
		{"10.0.0.0/8", ADDRESS_PRIVATE},
		{"100.64.0.0/10", ADDRESS_PRIVATE},
		{"127.0.0.0/8", ADDRESS_PRIVATE},
		{"169.254.0.0/16", ADDRESS_SPECIAL},
		{"172.16.0.0/12", ADDRESS_PRIVATE},
		{"192.0.0.0/24", ADDRESS_SPECIAL},
		{"192.168.0.0/16", ADDRESS_PRIVATE},
		{"198.18.0.0/15", ADDRESS_PRIVATE},
		{"224.0.0.0/3", ADDRESS_SPECIAL},
		{"::1", ADDRESS_PRIVATE},
		{"::ffff:0:0/96", ADDRESS_PUBLIC},
		{"::/96", ADDRESS_SPECIAL},
		{"64:ff9b::/96", ADDRESS_SPECIAL},
		{"2002::/16", ADDRESS_SPECIAL},
		{"fd00:ec2::254", ADDRESS_SPECIAL},
		{"fc00::/7", ADDRESS_PRIVATE},
		{"fe80::/10", ADDRESS_SPECIAL},
		{"ff00::/8", ADDRESS_SPECIAL},
	};
	struct bits bits;

	if (!to_bits(address, &bits))
		return ADDRESS_SPECIAL;
	for (size_t i = 0; i < array_len(RANGES); i++)
		if (fits(&bits, slice_from_c(RANGES[i].network)))
			return RANGES[i].kind;
	return ADDRESS_PUBLIC;
}

bool address_is_in(const struct sockaddr *address, const json_t *networks)
{
	struct bits bits;
	size_t index;
	json_t *network;

	if (!to_bits(address, &bits))
		return false;
	json_array_foreach(networks, index, network)
	{
		if (fits(&bits, json_to_slice(network)))
			return true;
	}
	return false;
}

void address_print(const struct sockaddr *address, char *text)
{
	struct bits bits;

	*text = 0;
	if (!to_bits(address, &bits))
		return;
	bool v4 = memcmp(bits.at, MAPPED, sizeof MAPPED) == 0;

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bits.at + sizeof MAPPED : bits.at, text,
		    INET6_ADDRSTRLEN))
		*text = 0;
}
