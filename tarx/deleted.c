#include "tarx/deleted.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ UTF-8 */

/* The bytes of the character at S, 0 where it is none (RFC 3629: no surrogates, nothing longer than it
 * need be). */
static size_t character(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool is_text(const char *text)
{
	while (*text) {
		size_t n = character(text);

		if (n == 0)
			return false;
		text += n;
	}
	return true;
}

static char *put_character(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* ------------------------------------------------------------------ writing */

/* N more bytes fit. */
static int reserve(struct tarx_deleted *deleted, size_t n)
{
	size_t room = deleted->room ? deleted->room : 4096;
	char *text;

	while (room - deleted->len < n)
		room *= 2;
	if (room == deleted->room)
		return 0;
	text = realloc(deleted->text, room);
	if (!text)
		return -ENOMEM;
	deleted->text = text;
	deleted->room = room;
	return 0;
}

static void put(struct tarx_deleted *deleted, char c)
{
	deleted->text[deleted->len++] = c;
}

static void put_escaped(struct tarx_deleted *deleted, char c)
{
	char *to = deleted->text + deleted->len;

	if ((unsigned char)c < 0x20) {
		deleted->len += (size_t)sprintf(to, "\\u%04x", (unsigned char)c);
		return;
	}
	if (c == '"' || c == '\\')
		put(deleted, '\\');
	put(deleted, c);
}

int tarx_deleted_add(struct tarx_deleted *deleted, const char *path)
{
	if (!is_text(path))
		return -EILSEQ;
	if (reserve(deleted, 6 * strlen(path) + 8) < 0)
		return -ENOMEM;
	put(deleted, deleted->count++ ? ',' : '[');
	put(deleted, '"');
	put(deleted, '/');
	while (*path)
		put_escaped(deleted, *path++);
	put(deleted, '"');
	return 0;
}

int tarx_deleted_end(struct tarx_deleted *deleted)
{
	if (reserve(deleted, 2) < 0)
		return -ENOMEM;
	if (deleted->count == 0)
		put(deleted, '[');
	put(deleted, ']');
	return 0;
}

void tarx_deleted_release(struct tarx_deleted *deleted)
{
	free(deleted->text);
	*deleted = (struct tarx_deleted){ 0 };
}

/* ------------------------------------------------------------------ reading */

struct json {
	const char *at, *end;
};

static void skip_blanks(struct json *j)
{
	while (j->at < j->end && strchr(" \t\r\n", *j->at) && *j->at)
		j->at++;
}

static bool take(struct json *j, char c)
{
	skip_blanks(j);
	if (j->at == j->end || *j->at != c)
		return false;
	j->at++;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind "\u". */
static bool take_unit(struct json *j, uint32_t *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = j->at < j->end ? hex_digit(*j->at) : -1;

		if (digit < 0)
			return false;
		*unit = *unit * 16 + (uint32_t)digit;
		j->at++;
	}
	return true;
}

/* Characters beyond 16 bits come as two units. */
static bool take_code(struct json *j, uint32_t *code)
{
	uint32_t low;

	if (!take_unit(j, code) || *code == 0 || (*code >= 0xdc00 && *code < 0xe000))
		return false;
	if (*code < 0xd800 || *code >= 0xe000)
		return true;
	if (j->end - j->at < 2 || j->at[0] != '\\' || j->at[1] != 'u')
		return false;
	j->at += 2;
	if (!take_unit(j, &low) || low < 0xdc00 || low >= 0xe000)
		return false;
	*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* What follows a backslash. Returns the end of what it wrote, NULL: it is none of JSON's. */
static char *take_escape(struct json *j, char *to)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *letter;
	uint32_t code;

	if (j->at == j->end)
		return NULL;
	if (*j->at == 'u') {
		j->at++;
		return take_code(j, &code) ? put_character(to, code) : NULL;
	}
	letter = *j->at ? strchr(letters, *j->at) : NULL;
	if (!letter)
		return NULL;
	j->at++;
	*to = meant[letter - letters];
	return to + 1;
}

/* The bytes up to the closing quote, or to the end where there is none. */
static size_t string_len(const struct json *j)
{
	const char *at = j->at;

	while (at < j->end && *at != '"')
		at += *at == '\\' && j->end - at > 1 ? 2 : 1;
	return (size_t)(at - j->at);
}

/* Behind the opening quote. What a string means is never longer than how it is written. */
static int take_string(struct json *j, char **out)
{
	char *start = malloc(string_len(j) + 1), *to = start;

	if (!start)
		return -ENOMEM;
	while (to && j->at < j->end && *j->at != '"') {
		if (*j->at == '\\') {
			j->at++;
			to = take_escape(j, to);
		} else if ((unsigned char)*j->at < 0x20) {
			to = NULL;
		} else {
			*to++ = *j->at++;
		}
	}
	if (!to || j->at == j->end) {
		free(start);
		return -EINVAL;
	}
	j->at++;
	*to = '\0';
	*out = start;
	return 0;
}

static int take_path(struct json *j, char ***paths, size_t *count)
{
	char **more;
	int r;

	if (!take(j, '"'))
		return -EINVAL;
	if ((*count & (*count - 1)) == 0) {
		more = realloc(*paths, (*count ? *count * 2 : 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		*paths = more;
	}
	r = take_string(j, &(*paths)[*count]);
	*count += r == 0;
	return r;
}

static int take_array(struct json *j, char ***paths, size_t *count)
{
	int r = 0;

	if (!take(j, '['))
		return -EINVAL;
	if (!take(j, ']')) {
		do
			r = take_path(j, paths, count);
		while (r == 0 && take(j, ','));
		if (r == 0 && !take(j, ']'))
			r = -EINVAL;
	}
	skip_blanks(j);
	return r == 0 && j->at != j->end ? -EINVAL : r;
}

int tarx_deleted_read(const char *text, size_t len, char ***paths, size_t *count)
{
	struct json j = { .at = text, .end = text + len };
	int r;

	*paths = NULL;
	*count = 0;
	r = take_array(&j, paths, count);
	if (r < 0) {
		tarx_deleted_free(*paths, *count);
		*paths = NULL;
		*count = 0;
	}
	return r;
}

void tarx_deleted_free(char **paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
}
