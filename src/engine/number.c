#include "engine/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DIGITS = 40 };

/* Writes digits backwards from end; returns where they begin. */
static char *digits_u64(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

static char *digits_u128(char *end, unsigned __int128 value)
{
	const uint64_t block = 10000000000000000000U;
	while (value > UINT64_MAX) {
		char *full = end - 19;
		char *begin = digits_u64(end, (uint64_t)(value % block));
		while (begin > full)
			*--begin = '0';
		end = full;
		value /= block;
	}
	return digits_u64(end, (uint64_t)value);
}

void number_u64(struct buffer *out, uint64_t value)
{
	char text[MAX_DIGITS];
	char *begin = digits_u64(text + sizeof text, value);
	buffer_add(out, begin, (size_t)(text + sizeof text - begin));
}

void number_i64(struct buffer *out, int64_t value)
{
	if (value < 0)
		buffer_add_char(out, '-');
	number_u64(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void number_u128(struct buffer *out, unsigned __int128 value)
{
	char text[MAX_DIGITS];
	char *begin = digits_u128(text + sizeof text, value);
	buffer_add(out, begin, (size_t)(text + sizeof text - begin));
}

void number_i128(struct buffer *out, __int128 value, unsigned scale)
{
	unsigned __int128 magnitude =
		value < 0 ? 0 - (unsigned __int128)value : (unsigned __int128)value;
	char text[MAX_DIGITS + 2];
	char *end = text + sizeof text;
	char *begin = magnitude > UINT64_MAX ? digits_u128(end, magnitude)
					     : digits_u64(end, (uint64_t)magnitude);
	while ((size_t)(end - begin) < scale + 1)
		*--begin = '0';
	if (value < 0)
		*--begin = '-';
	buffer_add(out, begin, (size_t)(end - begin) - scale);
	if (scale > 0) {
		buffer_add_char(out, '.');
		buffer_add(out, end - scale, scale);
	}
}

/*
 * PostgreSQL's layout of d2s: plain digits for -4 <= exponent < limit, scientific with two exponent
 * digits otherwise. text is "%.*e": one digit, a point, digits, e, exponent.
 */
static void add_shortest(struct buffer *out, char *text, int limit)
{
	char *mark = text;
	while (*mark && *mark != 'e')
		mark++;
	int exponent = (int)strtol(mark + 1, NULL, 10);
	char digits[24];
	int count = 0;
	if (text[0] == '-')
		buffer_add_char(out, '-');
	for (char *c = text; c < mark; c++)
		if (*c >= '0' && *c <= '9')
			digits[count++] = *c;
	while (count > 1 && digits[count - 1] == '0')
		count--;
	if (exponent < -4 || exponent >= limit) {
		buffer_add(out, digits, 1);
		if (count > 1) {
			buffer_add_char(out, '.');
			buffer_add(out, digits + 1, (size_t)count - 1);
		}
		buffer_printf(out, "e%+03d", exponent);
	} else if (exponent < 0) {
		buffer_add(out, "0.0000", (size_t)(1 - exponent));
		buffer_add(out, digits, (size_t)count);
	} else {
		int whole = exponent + 1;
		buffer_add(out, digits, (size_t)(count < whole ? count : whole));
		for (int i = count; i < whole; i++)
			buffer_add_char(out, '0');
		if (count > whole) {
			buffer_add_char(out, '.');
			buffer_add(out, digits + whole, (size_t)(count - whole));
		}
	}
}

void number_double(struct buffer *out, double value)
{
	char text[40];
	if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
		if (signbit(value) && value == 0)
			buffer_add_char(out, '-');
		number_i64(out, (int64_t)value);
		return;
	}
	/* Every number of 15 digits survives the way there and back, unless it is subnormal. */
	for (int precision = fabs(value) < DBL_MIN ? 0 : 14; precision <= 16; precision++) {
		snprintf(text, sizeof text, "%.*e", precision, value);
		if (precision == 16 || strtod(text, NULL) == value)
			break;
	}
	add_shortest(out, text, 15);
}

void number_float(struct buffer *out, float value)
{
	char text[40];
	for (int precision = fabsf(value) < FLT_MIN ? 0 : 5; precision <= 8; precision++) {
		snprintf(text, sizeof text, "%.*e", precision, (double)value);
		if (precision == 8 || strtof(text, NULL) == value)
			break;
	}
	add_shortest(out, text, 6);
}

/* Multiplies a little-endian number of decimal digits by 256 and adds; len is small. */
static size_t times_256(unsigned char *digits, size_t len, unsigned add)
{
	unsigned carry = add;
	for (size_t i = 0; i < len || carry > 0; i++) {
		if (i == len)
			digits[len++] = 0;
		carry += digits[i] * 256U;
		digits[i] = (unsigned char)(carry % 10);
		carry /= 10;
	}
	return len;
}

void number_bignum(struct buffer *out, const unsigned char *bytes, size_t len)
{
	enum { HEADER = 3 };
	if (len <= HEADER)
		return;
	bool negative = !(bytes[0] & 0x80);
	/* 256 is less than 10^3: three digits a byte are enough. */
	unsigned char *digits = calloc(len, 3);
	if (!digits) {
		out->failed = true;
		return;
	}
	size_t count = 0;
	for (size_t i = HEADER; i < len; i++)
		count = times_256(digits, count, negative ? (unsigned char)~bytes[i] : bytes[i]);
	if (negative)
		buffer_add_char(out, '-');
	if (count == 0)
		buffer_add_char(out, '0');
	while (count > 0)
		buffer_add_char(out, (char)('0' + digits[--count]));
	free(digits);
}
