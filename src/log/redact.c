/*
 * Secrets out of texts that others wrote: error messages of drivers, statements, URLs. Works in
 * place and only ever writes '*', so that lengths and positions stay.
 */
#include <ctype.h>
#include <strings.h>

#include "log/log.h"

static const char *const SECRET_WORDS[] = {"password", "passwd", "pwd", "secret", "token", "apikey",
	"api_key", "api-key", "authorization", "credential", "private_key", "access_key"};

bool log_key_is_secret(struct slice key)
{
	for (size_t i = 0; i < array_len(SECRET_WORDS); i++) {
		size_t len = strlen(SECRET_WORDS[i]);

		for (size_t at = 0; at + len <= key.len; at++)
			if (strncasecmp(key.ptr + at, SECRET_WORDS[i], len) == 0)
				return true;
	}
	return false;
}

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '~' ||
	       c == '+' || c == '/' || c == '=';
}

static bool stars(char *text, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		text[i] = '*';
	return to > from;
}

/* "scheme://user:PASSWORD@host": the last '@' ends the password (rather too much is hidden than
 * too little). */
static bool redact_url(char *text, size_t len, size_t at)
{
	size_t colon = 0;
	size_t sign = 0;

	for (size_t i = at + 3; i < len && !isspace((unsigned char)text[i]) && text[i] != '\'';
		i++) {
		if (text[i] == ':' && !colon)
			colon = i;
		if (text[i] == '@')
			sign = i;
	}
	return colon && sign > colon && stars(text, colon + 1, sign);
}

/* The value behind a word at `at`: "= value", ": 'value with spaces'". */
static bool redact_value(char *text, size_t len, size_t at)
{
	size_t i = at;
	char quote = 0;

	if (i < len && (text[i] == '"' || text[i] == '\''))
		i++;
	while (i < len && text[i] == ' ')
		i++;
	if (i == len || (text[i] != '=' && text[i] != ':'))
		return false;
	for (i++; i < len && text[i] == ' ';)
		i++;
	if (i + 7 < len && strncasecmp(text + i, "bearer ", 7) == 0)
		i += 7;
	else if (i + 6 < len && strncasecmp(text + i, "basic ", 6) == 0)
		i += 6;
	if (i < len && (text[i] == '"' || text[i] == '\''))
		quote = text[i++];
	size_t end = i;

	while (end < len &&
		(quote ? text[end] != quote
		       : !isspace((unsigned char)text[end]) && !strchr("&,;)}\"'", text[end])))
		end++;
	return stars(text, i, end);
}

static bool redact_word(char *text, size_t len, size_t at)
{
	for (size_t i = 0; i < array_len(SECRET_WORDS); i++) {
		size_t word = strlen(SECRET_WORDS[i]);

		if (len - at >= word && strncasecmp(text + at, SECRET_WORDS[i], word) == 0)
			return redact_value(text, len, at + word);
	}
	return false;
}

/* Tokens of ours have 20 characters and more behind the prefix; names of metrics have fewer. */
static bool redact_token(char *text, size_t len, size_t at, size_t prefix, size_t least)
{
	size_t end = at + prefix;

	while (end < len && is_token_char(text[end]))
		end++;
	return end - at - prefix >= least && stars(text, at + prefix, end);
}

static bool redact_pem(char *text, size_t len, size_t at)
{
	struct slice rest = slice_of(text + at, len - at);
	size_t key = slice_find(slice_sub(rest, 0, 64), SLICE("PRIVATE KEY-----"), 0);
	size_t end = slice_find(rest, SLICE("-----END"), 0);

	if (key == SIZE_MAX)
		return false;
	return stars(text, at + key + 16, at + (end == SIZE_MAX ? rest.len : end));
}

static bool starts(const char *text, size_t len, size_t at, const char *word)
{
	size_t n = strlen(word);

	return len - at >= n && strncasecmp(text + at, word, n) == 0;
}

bool log_redact(char *text, size_t len)
{
	bool found = false;

	for (size_t i = 0; i < len; i++) {
		if (starts(text, len, i, "://"))
			found |= redact_url(text, len, i);
		else if (starts(text, len, i, "weft_"))
			found |= redact_token(text, len, i, 5, 20);
		else if (starts(text, len, i, "bearer "))
			found |= redact_token(text, len, i, 7, 8);
		else if (starts(text, len, i, "-----BEGIN"))
			found |= redact_pem(text, len, i);
		else
			found |= redact_word(text, len, i);
	}
	return found;
}
