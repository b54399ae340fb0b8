#include "tarx/quote.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <string.h>

bool tarx_quote_speaks_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8 = false;

	if (locale) {
		utf8 = !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");
		freelocale(locale);
	}
	return utf8;
}

/* Length of the UTF-8 character at TEXT (RFC 3629: shortest form, no surrogates); 0: it is none. */
static size_t utf8_length(const char *text)
{
	const unsigned char *t = (const unsigned char *)text;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = t[0] < 0x80    ? 1
		     : t[0] >= 0xF5 ? 0
		     : t[0] >= 0xF0 ? 4
		     : t[0] >= 0xE0 ? 3
		     : t[0] >= 0xC2 ? 2
				    : 0;
	uint32_t c = len > 1 ? t[0] & (0x7Fu >> len) : t[0];

	for (size_t i = 1; i < len; i++) {
		if ((t[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (t[i] & 0x3Fu);
	}
	if (len > 1 && (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)))
		return 0;
	return len;
}

static bool is_control(const char *text, size_t len)
{
	unsigned char c = (unsigned char)text[0];

	/* U+0080 to U+009F steer terminals too. */
	return c < 0x20 || c == 0x7F || (len == 2 && c == 0xC2 && (unsigned char)text[1] < 0xA0);
}

static void put_octal(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(out, "\\%03o", (unsigned char)text[i]);
}

static bool put_named(FILE *out, char c)
{
	static const char from[] = "\a\b\f\n\r\t\v\\", to[] = "abfnrtv\\";
	const char *at = c ? strchr(from, c) : NULL;

	if (at)
		fprintf(out, "\\%c", to[at - from]);
	return at;
}

void tarx_quote_name(FILE *out, const char *name, bool utf8)
{
	while (*name) {
		size_t len = utf8_length(name);

		if (len > 1 && !utf8)
			len = 0;
		if (put_named(out, *name))
			len = 1;
		else if (len == 0 || is_control(name, len))
			put_octal(out, name, len ? len : 1);
		else
			fwrite(name, 1, len, out);
		name += len ? len : 1;
	}
}

void tarx_quote_message(FILE *out, const char *text)
{
	while (*text) {
		size_t len = utf8_length(text);

		if (len == 0 || is_control(text, len))
			put_octal(out, text, len ? len : 1);
		else
			fwrite(text, 1, len, out);
		text += len ? len : 1;
	}
}

void tarx_quote_json(FILE *out, const char *text)
{
	fputc('"', out);
	while (*text) {
		size_t len = utf8_length(text);

		if (len == 0)
			fputs("\xEF\xBF\xBD", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			fwrite(text, 1, len, out);
		text += len ? len : 1;
	}
	fputc('"', out);
}
