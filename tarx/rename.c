#include "tarx/rename.h"

#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A replacement is a row of these. */
struct piece {
	enum { LITERAL, GROUP, CASE } kind;
	const char *text; /* LITERAL: borrowed from the rule's text */
	size_t n; /* its length; GROUP: which; CASE: one of "LUElu" */
};

struct tarx_rule {
	regex_t regex; /* owned */
	bool compiled;
	bool global; /* all matches, else one */
	size_t from; /* the number of the first match that is replaced, counted from 1 */
	unsigned int scope;
	char *text; /* owned; the literals */
	struct piece *pieces; /* owned */
	size_t count;
};

/* ------------------------------------------------------------------ reading an expression */

static unsigned int scope_of(char letter)
{
	switch (letter | 0x20) {
	case 'r':
		return TARX_RENAME_MEMBER;
	case 's':
		return TARX_RENAME_SYMLINK;
	case 'h':
		return TARX_RENAME_HARDLINK;
	default:
		return 0;
	}
}

static int unknown_flag(char flag, struct tx_err *err)
{
	return tx_reject(err, EINVAL, "unknown flag '%c'", flag);
}

/* "r" puts names of members in, "R" takes them out. */
static int take_scope(char letter, unsigned int *scope, struct tx_err *err)
{
	unsigned int bit = scope_of(letter);

	if (!bit)
		return unknown_flag(letter, err);
	if (letter & 0x20)
		*scope |= bit;
	else
		*scope &= ~bit;
	return 0;
}

/* "flags=FLAGS": for all rules that follow. */
static const char *read_default(struct tarx_rename *rename, const char *at, struct tx_err *err)
{
	unsigned int scope = 0;

	for (; *at && *at != ';'; at++)
		if (take_scope(*at, &scope, err) < 0)
			return NULL;
	rename->not_scope = TARX_RENAME_ALL & ~scope;
	return at;
}

/* The end of the part that begins at AT: the next DELIMITER without a backslash; or NULL. */
static const char *part_end(const char *at, char delimiter)
{
	for (; *at && *at != delimiter; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at : NULL;
}

static const char *read_flags(struct tarx_rule *rule, int *regex_flags, const char *at,
			      struct tx_err *err)
{
	char *end;

	while (*at && *at != ';') {
		if (*at >= '0' && *at <= '9') {
			rule->from = strtoul(at, &end, 10);
			at = end;
			continue;
		}
		if (*at == 'g')
			rule->global = true;
		else if (*at == 'i')
			*regex_flags |= REG_ICASE;
		else if (*at == 'x')
			*regex_flags |= REG_EXTENDED;
		else if (take_scope(*at, &rule->scope, err) < 0)
			return NULL;
		at++;
	}
	return at;
}

static int compile(struct tarx_rule *rule, const char *text, size_t len, int flags,
		   struct tx_err *err)
{
	char *regex = strndup(text, len), why[128];
	int r;

	if (!regex)
		return tx_fail(err, ENOMEM, "read the expression");
	r = regcomp(&rule->regex, regex, flags);
	free(regex);
	if (r) {
		regerror(r, &rule->regex, why, sizeof(why));
		return tx_reject(err, EINVAL, "its regular expression: %s", why);
	}
	rule->compiled = true;
	return 0;
}

static void add_literal(struct tarx_rule *rule, char *text, char c)
{
	struct piece *last = rule->count ? &rule->pieces[rule->count - 1] : NULL;

	if (!last || last->kind != LITERAL) {
		last = &rule->pieces[rule->count++];
		*last = (struct piece){ .kind = LITERAL, .text = text };
	}
	*text = c;
	last->n++;
}

static int add_group(struct tarx_rule *rule, size_t number, struct tx_err *err)
{
	if (number > rule->regex.re_nsub)
		return tx_reject(err, EINVAL, "\\%zu in the replacement: there are %zu groups",
				 number, rule->regex.re_nsub);
	rule->pieces[rule->count++] = (struct piece){ .kind = GROUP, .n = number };
	return 0;
}

/* What the letter behind a backslash stands for, or 0. */
static char escape(char letter)
{
	static const char letters[] = "abfnrtv&\\", meant[] = "\a\b\f\n\r\t\v&\\";
	const char *found = letter ? strchr(letters, letter) : NULL;

	return found ? meant[found - letters] : 0;
}

/* What follows a backslash in a replacement. Returns behind it, or NULL. TEXT takes literals. */
static const char *read_escape(struct tarx_rule *rule, const char *at, char delimiter, char **text,
			       struct tx_err *err)
{
	char c = *at == delimiter ? delimiter : escape(*at);
	size_t number;
	char *end;

	if (c) {
		add_literal(rule, (*text)++, c);
		return at + 1;
	}
	if (*at >= '0' && *at <= '9') {
		number = strtoul(at, &end, 10);
		return add_group(rule, number, err) < 0 ? NULL : end;
	}
	if (strchr("LUElu", *at)) {
		rule->pieces[rule->count++] = (struct piece){ .kind = CASE, .n = (size_t)*at };
		return at + 1;
	}
	add_literal(rule, (*text)++, '\\'); /* it stands for itself */
	add_literal(rule, (*text)++, *at);
	return at + 1;
}

static int read_replacement(struct tarx_rule *rule, const char *at, const char *end,
			    struct tx_err *err)
{
	size_t len = (size_t)(end - at);
	char delimiter = *end, *text;

	rule->text = malloc(len + 1);
	rule->pieces = calloc(len + 1, sizeof(*rule->pieces));
	if (!rule->text || !rule->pieces)
		return tx_fail(err, ENOMEM, "read the expression");
	text = rule->text;
	while (at < end) {
		char c = *at++;

		if (c == '\\') {
			at = read_escape(rule, at, delimiter, &text, err);
			if (!at)
				return -err->code;
		} else if (c == '&') {
			add_group(rule, 0, err);
		} else {
			add_literal(rule, text++, c);
		}
	}
	return 0;
}

/* "s/REGEX/REPLACEMENT/FLAGS" at AT. Returns its end, or NULL. */
static const char *read_rule(struct tarx_rule *rule, const char *at, struct tx_err *err)
{
	const char *regex = at[0] == 's' && at[1] ? at + 2 : NULL;
	const char *middle = regex ? part_end(regex, at[1]) : NULL;
	const char *last = middle ? part_end(middle + 1, at[1]) : NULL;
	int flags = 0;

	if (!last) {
		tx_reject(err, EINVAL, "not of the form s/REGEX/REPLACEMENT/FLAGS");
		return NULL;
	}
	at = read_flags(rule, &flags, last + 1, err);
	if (!at || compile(rule, regex, (size_t)(middle - regex), flags, err) < 0 ||
	    read_replacement(rule, middle + 1, last, err) < 0)
		return NULL;
	return at;
}

static const char *add_rule(struct tarx_rename *rename, const char *at, struct tx_err *err)
{
	struct tarx_rule *rules = realloc(rename->rules, (rename->count + 1) * sizeof(*rules));

	if (!rules) {
		tx_fail(err, ENOMEM, "read the expression");
		return NULL;
	}
	rename->rules = rules;
	rules[rename->count] = (struct tarx_rule){ .from = 1,
						   .scope = TARX_RENAME_ALL & ~rename->not_scope };
	return read_rule(&rules[rename->count++], at, err);
}

int tarx_rename_add(struct tarx_rename *rename, const char *expression, struct tx_err *err)
{
	const char *at = expression;

	do {
		at = !strncmp(at, "flags=", 6) ? read_default(rename, at + 6, err)
					       : add_rule(rename, at, err);
		if (!at)
			return -err->code;
		at += *at == ';';
	} while (*at);
	return 0;
}

/* ------------------------------------------------------------------ applying it */

struct text {
	char *bytes; /* owned; NULL: there was no memory */
	size_t len, room;
	char shift; /* "U" and "L" hold on, "E": none */
	char next; /* "u" or "l", for one byte; 0: none */
};

static bool has_room(struct text *text, size_t n)
{
	char *bytes;

	if (text->bytes && text->room - text->len > n)
		return true;
	text->room = (text->len + n + 64) * 2;
	bytes = text->bytes ? realloc(text->bytes, text->room) : NULL;
	if (!bytes)
		free(text->bytes);
	text->bytes = bytes;
	return bytes;
}

static void put(struct text *text, const char *bytes, size_t n)
{
	if (!has_room(text, n))
		return;
	memcpy(text->bytes + text->len, bytes, n);
	text->len += n;
	text->bytes[text->len] = '\0';
}

static char shifted(char c, char shift)
{
	if ((shift == 'U' || shift == 'u') && c >= 'a' && c <= 'z')
		return (char)(c - 0x20);
	if ((shift == 'L' || shift == 'l') && c >= 'A' && c <= 'Z')
		return (char)(c + 0x20);
	return c;
}

static void put_shifted(struct text *text, const char *bytes, size_t n)
{
	size_t at = text->len;

	put(text, bytes, n);
	for (; text->bytes && at < text->len; at++) {
		text->bytes[at] = shifted(text->bytes[at], text->next ? text->next : text->shift);
		text->next = 0;
	}
}

static void shift(struct text *text, char letter)
{
	text->next = letter == 'u' || letter == 'l' ? letter : 0;
	if (!text->next)
		text->shift = letter;
}

static void put_replacement(const struct tarx_rule *rule, const char *name,
			    const regmatch_t *matches, struct text *text)
{
	for (size_t i = 0; i < rule->count; i++) {
		const struct piece *piece = &rule->pieces[i];
		const regmatch_t *m = piece->kind == GROUP ? &matches[piece->n] : NULL;

		if (piece->kind == CASE)
			shift(text, (char)piece->n);
		else if (piece->kind == LITERAL)
			put_shifted(text, piece->text, piece->n);
		else if (m->rm_so >= 0)
			put_shifted(text, name + m->rm_so, (size_t)(m->rm_eo - m->rm_so));
	}
}

/* Appends what RULE makes of NAME; MATCHES has room for its groups. As in sed(1) nothing is found
 * right behind a match, and where nothing is found one byte is passed over. */
static void substitute(const struct tarx_rule *rule, const char *name, regmatch_t *matches,
		       struct text *text)
{
	const char *at = name, *behind = NULL;
	const regmatch_t *m = &matches[0];
	size_t found = 0;

	while (text->bytes && regexec(&rule->regex, at, rule->regex.re_nsub + 1, matches,
				      at > name ? REG_NOTBOL : 0) == 0) {
		bool again = m->rm_eo == 0 && at == behind;

		put(text, at, (size_t)m->rm_so);
		if (!again && ++found >= rule->from)
			put_replacement(rule, at, matches, text);
		else
			put(text, at + m->rm_so, (size_t)(m->rm_eo - m->rm_so));
		at += m->rm_eo;
		behind = at;
		if (!*at || (found >= rule->from && !rule->global))
			break;
		if (m->rm_eo == m->rm_so)
			put(text, at++, 1);
	}
	put(text, at, strlen(at));
}

/* Returns an owned string, or NULL. */
static char *apply_rule(const struct tarx_rule *rule, const char *name)
{
	regmatch_t *matches = calloc(rule->regex.re_nsub + 1, sizeof(*matches));
	struct text text = { .bytes = matches ? malloc(1) : NULL, .room = 1, .shift = 'E' };

	if (text.bytes) {
		text.bytes[0] = '\0';
		substitute(rule, name, matches, &text);
	}
	free(matches);
	return text.bytes;
}

char *tarx_rename_apply(const struct tarx_rename *rename, enum tarx_rename_scope scope,
			const char *name)
{
	char *now = strdup(name);

	for (size_t i = 0; now && i < rename->count; i++) {
		char *then = now;

		if (!(rename->rules[i].scope & scope))
			continue;
		now = apply_rule(&rename->rules[i], then);
		free(then);
	}
	return now;
}

const char *tarx_rename_strip(const char *name, size_t count)
{
	if (count > 0)
		name += strspn(name, "/");
	for (; count > 0; count--) {
		name += strcspn(name, "/");
		name += strspn(name, "/");
	}
	return name;
}

void tarx_rename_release(struct tarx_rename *rename)
{
	for (size_t i = 0; i < rename->count; i++) {
		struct tarx_rule *rule = &rename->rules[i];

		if (rule->compiled)
			regfree(&rule->regex);
		free(rule->text);
		free(rule->pieces);
	}
	free(rename->rules);
	*rename = (struct tarx_rename){ 0 };
}
