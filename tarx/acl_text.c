#include "tarx/acl_text.h"

#include <stdint.h>
#include <string.h>

#define COUNT_BITS 18u /* the lower ones: how many entries there are */
#define POSIX      1u /* the upper ones: what kind it is */

static bool begins(const char *text, size_t len, const char *word)
{
	return len >= strlen(word) && !memcmp(text, word, strlen(word));
}

/* The number before the NUL. Returns where the text begins, or NULL. */
static const char *pass_number(const char *body, size_t len, uint64_t *number)
{
	const char *nul = memchr(body, '\0', len);

	*number = 0;
	if (!nul || nul == body || nul - body > 12)
		return NULL;
	for (const char *c = body; c < nul; c++) {
		if (*c < '0' || *c > '7')
			return NULL;
		*number = *number << 3 | (uint64_t)(*c - '0');
	}
	return nul + 1;
}

/* "mask:r--" and "other:r--" get the second colon that everybody else writes. */
static char *add_entry(char *to, const char *start, const char *entry, size_t len)
{
	const char *colon = memchr(entry, ':', len);

	if (to > start)
		*to++ = ',';
	memcpy(to, entry, len);
	to += len;
	if (colon && !memchr(colon + 1, ':', len - (size_t)(colon + 1 - entry))) {
		size_t behind = len - (size_t)(colon - entry);

		memmove(to - behind + 1, to - behind, behind);
		to++;
	}
	*to = '\0';
	return to;
}

bool tarx_acl_of_solaris(const char *body, size_t len, char *access, char *inherited)
{
	static const char mark[] = "default";
	char *access_end = access, *inherited_end = inherited;
	const char *text, *end;
	uint64_t number;

	*access = *inherited = '\0';
	text = pass_number(body, len, &number);
	if (!text || number >> COUNT_BITS != POSIX)
		return false;
	len -= (size_t)(text - body);
	end = memchr(text, '\0', len);
	len = end ? (size_t)(end - text) : len;
	while (len > 0) {
		const char *comma = memchr(text, ',', len);
		size_t n = comma ? (size_t)(comma - text) : len;

		if (begins(text, n, mark))
			inherited_end = add_entry(inherited_end, inherited, text + strlen(mark),
						  n - strlen(mark));
		else
			access_end = add_entry(access_end, access, text, n);
		n += comma != NULL;
		text += n;
		len -= n;
	}
	return true;
}
