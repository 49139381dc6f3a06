/* to_char of numbers. The template is read once into a plan, then walked beside the digits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "engine/format.h"

enum { MAX_DIGITS = 400 };

struct plan {
	size_t whole;	  /* positions before the point */
	size_t fraction;  /* and behind it */
	size_t zero_at;	  /* the first 0 among the positions before the point; SIZE_MAX = none */
	size_t last_zero; /* number of positions behind the point up to the last 0 */
	bool fill;	  /* FM: no blanks, no trailing zeros */
	bool sign;	  /* S, MI, SG or PR say where the sign stands */
};

static bool begins(struct slice text, size_t at, const char *word)
{
	struct slice rest = slice_sub(text, at, text.len);

	return slice_equal_nocase(slice_sub(rest, 0, strlen(word)), slice_from_c(word));
}

static struct plan read_plan(struct slice template)
{
	struct plan plan = {.zero_at = SIZE_MAX};
	bool behind = false;

	for (size_t i = 0; i < template.len; i++) {
		char c = template.ptr[i];

		if (begins(template, i, "FM"))
			plan.fill = true;
		plan.sign |= c == 'S' || c == 's' || begins(template, i, "MI") ||
			     begins(template, i, "PR") || begins(template, i, "SG");
		if (c == '.' || c == 'D' || c == 'd')
			behind = true;
		if (c != '9' && c != '0')
			continue;
		if (behind) {
			plan.fraction++;
			if (c == '0')
				plan.last_zero = plan.fraction;
		} else {
			if (c == '0' && plan.zero_at == SIZE_MAX)
				plan.zero_at = plan.whole;
			plan.whole++;
		}
	}
	return plan;
}

/* Adds one to a string of digits; the carry that is left. */
static bool carry_up(char *digits, size_t len)
{
	while (len-- > 0) {
		if (digits[len] != '9') {
			digits[len]++;
			return false;
		}
		digits[len] = '0';
	}
	return true;
}

struct digits {
	bool negative;
	char text[MAX_DIGITS + 2]; /* whole part, then fraction */
	size_t whole;
};

/* Digits rounded to the template's places, without zeros in front. */
static bool read_digits(struct slice number, size_t fraction, struct digits *out)
{
	char plain[MAX_DIGITS];
	size_t len = 0;
	bool round_up = false;
	struct slice body = number;

	out->negative = number.len > 0 && number.ptr[0] == '-';
	body = slice_sub(body, out->negative, body.len);
	if (slice_find(body, SLICE("e"), 0) != SIZE_MAX) {
		char copy[64] = {0};

		memcpy(copy, body.ptr, min_of(body.len, sizeof copy - 1));
		int n = snprintf(plain, sizeof plain, "%.*f", (int)min_of(fraction, (size_t)40),
			strtod(copy, NULL));
		body = slice_of(plain, min_of((size_t)max_of(n, 0), sizeof plain - 1));
	}
	size_t point = slice_find(body, SLICE("."), 0);
	size_t whole = point == SIZE_MAX ? body.len : point;

	if (whole + fraction > MAX_DIGITS)
		return false;
	out->text[len++] = '0'; /* room for a carry */
	for (size_t i = 0; i < whole + fraction; i++) {
		size_t at = i < whole ? i : i + 1;
		char c = '0';

		if (at < body.len)
			c = body.ptr[at];
		if (c < '0' || c > '9')
			return false;
		out->text[len++] = c;
	}
	round_up = whole + 1 + fraction < body.len && body.ptr[whole + 1 + fraction] >= '5';
	if (round_up)
		(void)carry_up(out->text, len);
	size_t skip = 0;

	while (skip <= whole && out->text[skip] == '0')
		skip++;
	memmove(out->text, out->text + skip, len - skip);
	out->whole = whole + 1 - skip;
	return true;
}

struct walk {
	struct str *out;
	struct plan plan;
	struct digits digits;
	size_t position; /* of 9 and 0 before the point */
	size_t places;	 /* and behind it */
	bool begun;	 /* a digit was written */
	bool behind;
	size_t shown; /* places behind the point that are written at all */
};

static void put_sign(struct walk *w)
{
	if (w->plan.sign)
		return;
	if (w->digits.negative)
		str_add_char(w->out, '-');
	else if (!w->plan.fill)
		str_add_char(w->out, ' ');
}

static void put_digit(struct walk *w, char kind)
{
	if (w->behind) {
		if (w->places < w->shown)
			str_add_char(w->out, w->digits.text[w->digits.whole + w->places]);
		w->places++;
		return;
	}
	size_t left = w->plan.whole - w->position++;
	bool digit = left <= w->digits.whole;
	bool zero = w->position - 1 >= w->plan.zero_at ||
		    (left == 1 && w->plan.fraction == 0 && !digit);

	(void)kind;
	if (!digit && !zero) {
		if (!w->plan.fill)
			str_add_char(w->out, ' ');
		return;
	}
	if (!w->begun)
		put_sign(w);
	w->begun = true;
	if (digit)
		str_add_char(w->out, w->digits.text[w->digits.whole - left]);
	else
		str_add_char(w->out, '0');
}

/* What is no digit; how many characters of the template it takes. */
static size_t put_other(struct walk *w, struct slice template, size_t at)
{
	char c = template.ptr[at];
	bool negative = w->digits.negative;

	if (begins(template, at, "FM"))
		return 2;
	if (begins(template, at, "MI") || begins(template, at, "PL") ||
		begins(template, at, "SG")) {
		bool plus = begins(template, at, "PL") || begins(template, at, "SG");

		if (negative && !begins(template, at, "PL"))
			str_add_char(w->out, '-');
		else if (plus && !negative)
			str_add_char(w->out, '+');
		else if (!w->plan.fill)
			str_add_char(w->out, ' ');
		return 2;
	}
	if (begins(template, at, "PR")) {
		str_add_c(w->out, negative ? ">" : w->plan.fill ? "" : " ");
		return 2;
	}
	if (c == 'S' || c == 's') {
		str_add_char(w->out, negative ? '-' : '+');
	} else if (c == '.' || c == 'D' || c == 'd') {
		if (!w->begun)
			put_sign(w);
		w->begun = true;
		w->behind = true;
		str_add_char(w->out, '.');
	} else if (c == ',' || c == 'G' || c == 'g') {
		if (w->begun)
			str_add_char(w->out, ',');
		else if (!w->plan.fill)
			str_add_char(w->out, ' ');
	} else if (c != '"') {
		str_add_char(w->out, c);
	}
	return 1;
}

void format_number(struct str *out, struct slice number, struct slice template)
{
	struct walk w = {.out = out, .plan = read_plan(template)};

	if (!read_digits(number, w.plan.fraction, &w.digits) || w.digits.whole > w.plan.whole) {
		put_sign(&w);
		for (size_t i = w.plan.fill ? 2 : 0; i < template.len; i++) {
			bool digit = template.ptr[i] == '9' || template.ptr[i] == '0';

			str_add(out, digit ? SLICE("#") : slice_sub(template, i, i + 1));
		}
		return;
	}
	w.shown = w.plan.fraction;
	while (w.plan.fill && w.shown > w.plan.last_zero &&
		w.digits.text[w.digits.whole + w.shown - 1] == '0')
		w.shown--;
	for (size_t i = 0; i < template.len;) {
		char c = template.ptr[i];

		if (c == '9' || c == '0') {
			put_digit(&w, c);
			i++;
		} else {
			i += put_other(&w, template, i);
		}
	}
}
