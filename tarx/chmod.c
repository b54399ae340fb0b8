#include "tarx/chmod.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SET_IDS  ((mode_t)(S_ISUID | S_ISGID))
#define ALL_BITS ((mode_t)07777)
#define READ     ((mode_t)0444)
#define WRITE    ((mode_t)0222)
#define EXECUTE  ((mode_t)0111)

/* One operation: "+", "-" or "=", and its bits. */
struct change {
	char op;
	mode_t who; /* the bits of those named; 0: nobody was */
	mode_t bits;
	mode_t said; /* the bits that it speaks of: a directory keeps set-IDs that it does not */
};

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Returns behind the number, or NULL: it is too large. */
static const char *read_octal(const char *at, mode_t *bits)
{
	for (*bits = 0; is_octal(*at); at++) {
		*bits = *bits * 8 + (mode_t)(*at - '0');
		if (*bits > ALL_BITS)
			return NULL;
	}
	return at;
}

static mode_t apply(const struct change *c, mode_t umask, mode_t mode)
{
	mode_t kept = S_ISDIR(mode) ? SET_IDS & ~c->said : 0;
	mode_t bits = c->bits & (c->who ? c->who : ~umask) & ~kept;

	if (c->op == '+')
		return mode | bits;
	if (c->op == '-')
		return mode & ~bits;
	return (mode & (kept | (c->who ? ALL_BITS & ~c->who : 0) | S_IFMT)) | bits;
}

static const char *read_who(const char *at, mode_t *who)
{
	static const struct {
		char letter;
		mode_t bits;
	} all[] = { { 'u', 04700 }, { 'g', 02070 }, { 'o', 01007 }, { 'a', ALL_BITS } };

	for (*who = 0;; at++) {
		mode_t bits = 0;

		for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
			if (*at == all[i].letter)
				bits = all[i].bits;
		if (!bits)
			return at;
		*who |= bits;
	}
}

/* "u" in the place of "rwx": what the owner has. */
static mode_t copied(mode_t mode, char from)
{
	mode_t own = from == 'u' ? mode >> 6 : from == 'g' ? mode >> 3 : mode;

	return (own & 4 ? READ : 0) | (own & 2 ? WRITE : 0) | (own & 1 ? EXECUTE : 0);
}

static const char *read_letters(const char *at, mode_t mode, mode_t *bits)
{
	for (*bits = 0;; at++) {
		if (*at == 'r')
			*bits |= READ;
		else if (*at == 'w')
			*bits |= WRITE;
		else if (*at == 'x')
			*bits |= EXECUTE;
		else if (*at == 'X')
			*bits |= S_ISDIR(mode) || (mode & EXECUTE) ? EXECUTE : 0;
		else if (*at == 's')
			*bits |= SET_IDS;
		else if (*at == 't')
			*bits |= S_ISVTX;
		else
			return at;
	}
}

/* What follows an operator. Returns behind it, or NULL. */
static const char *read_bits(struct change *c, const char *at, mode_t mode)
{
	if (is_octal(*at)) {
		at = read_octal(at, &c->bits);
		if (!at || c->who || (*at && *at != ','))
			return NULL;
		c->who = c->said = ALL_BITS;
		return at;
	}
	if (*at && strchr("ugo", *at)) {
		c->bits = copied(mode, *at);
		at++;
	} else {
		at = read_letters(at, mode, &c->bits);
	}
	c->said = c->who ? c->who & c->bits : c->bits;
	return at;
}

/* "ug+rw-x" at AT. Returns behind it, or NULL. */
static const char *read_clause(const char *at, mode_t umask, mode_t *mode)
{
	mode_t who;

	at = read_who(at, &who);
	if (!*at || !strchr("+-=", *at))
		return NULL;
	while (*at && strchr("+-=", *at)) {
		struct change c = { .op = *at, .who = who };

		at = read_bits(&c, at + 1, *mode);
		if (!at)
			return NULL;
		*mode = apply(&c, umask, *mode);
	}
	return at;
}

/* Of fewer than five digits a directory keeps the set-IDs that are not among them. */
static int set_number(const char *text, mode_t *mode)
{
	struct change c = { .op = '=', .who = ALL_BITS };
	const char *end = read_octal(text, &c.bits);

	if (!end || *end)
		return -1;
	c.said = end - text < 5 ? (c.bits & SET_IDS) | 01777 : ALL_BITS;
	*mode = apply(&c, 0, *mode);
	return 0;
}

int tarx_chmod(const char *changes, mode_t umask, mode_t *mode)
{
	mode_t now = *mode;
	const char *at = changes;

	if (is_octal(*at))
		return set_number(at, mode);
	for (;; at++) {
		at = read_clause(at, umask, &now);
		if (!at)
			return -1;
		if (*at != ',')
			break;
	}
	if (*at)
		return -1;
	*mode = now;
	return 0;
}
