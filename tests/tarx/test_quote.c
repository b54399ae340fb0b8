#include "tarx/quote.h"
#include "tests/lib/tap.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

enum how { NAME_UTF8, NAME_ASCII, MESSAGE, JSON };

static const char *quote(enum how how, const char *text)
{
	static char out[8192];
	FILE *stream;

	memset(out, 0, sizeof(out));
	stream = fmemopen(out, sizeof(out), "w");
	if (!stream)
		return NULL;
	if (how == MESSAGE)
		tarx_quote_message(stream, text);
	else if (how == JSON)
		tarx_quote_json(stream, text);
	else
		tarx_quote_name(stream, text, how == NAME_UTF8);
	fclose(stream);
	return out;
}

/* A name where UTF-8 is read, where it is not, a message, JSON without its quotation marks. */
static const struct {
	const char *promise, *text, *utf8, *ascii, *message, *json;
} table[] = {
	{ "nothing", "", "", "", "", "" },
	{ "plain letters", "a-b c.d", "a-b c.d", "a-b c.d", "a-b c.d", "a-b c.d" },
	{ "a backslash", "a\\b", "a\\\\b", "a\\\\b", "a\\b", "a\\\\b" },
	{ "a backslash and an n", "\\n", "\\\\n", "\\\\n", "\\n", "\\\\n" },
	{ "quotation marks", "\"'", "\"'", "\"'", "\"'", "\\\"'" },
	{ "a newline", "a\nb", "a\\nb", "a\\nb", "a\\012b", "a\\u000ab" },
	{ "the named controls", "\a\b\f\r\t\v", "\\a\\b\\f\\r\\t\\v", "\\a\\b\\f\\r\\t\\v",
	  "\\007\\010\\014\\015\\011\\013", "\\u0007\\u0008\\u000c\\u000d\\u0009\\u000b" },
	{ "an escape sequence", "\x1b[2J", "\\033[2J", "\\033[2J", "\\033[2J", "\\u001b[2J" },
	{ "the first control", "\x01", "\\001", "\\001", "\\001", "\\u0001" },
	{ "delete", "\x7f", "\\177", "\\177", "\\177", "\x7f" },
	{ "two bytes of UTF-8", "\xc3\xa4", "\xc3\xa4", "\\303\\244", "\xc3\xa4", "\xc3\xa4" },
	{ "three bytes", "\xe2\x82\xac", "\xe2\x82\xac", "\\342\\202\\254", "\xe2\x82\xac",
	  "\xe2\x82\xac" },
	{ "four bytes", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\\360\\237\\230\\200",
	  "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	{ "the last character", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "\\364\\217\\277\\277",
	  "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	{ "a control of two bytes",
	  "\xc2\x9b"
	  "2J",
	  "\\302\\2332J", "\\302\\2332J", "\\302\\2332J",
	  "\xc2\x9b"
	  "2J" },
	{ "the character behind these", "\xc2\xa0", "\xc2\xa0", "\\302\\240", "\xc2\xa0",
	  "\xc2\xa0" },
	{ "a byte of Latin-1", "\xe4.txt", "\\344.txt", "\\344.txt", "\\344.txt",
	  "\xef\xbf\xbd.txt" },
	{ "a character cut off", "a\xe2\x82", "a\\342\\202", "a\\342\\202", "a\\342\\202",
	  "a\xef\xbf\xbd\xef\xbf\xbd" },
	{ "a lone continuation", "\x80", "\\200", "\\200", "\\200", "\xef\xbf\xbd" },
	{ "a slash in two bytes", "\xc0\xaf", "\\300\\257", "\\300\\257", "\\300\\257",
	  "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "an overlong one of three", "\xe0\x80\xaf", "\\340\\200\\257", "\\340\\200\\257",
	  "\\340\\200\\257", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "an overlong one of four", "\xf0\x80\x80\xaf", "\\360\\200\\200\\257",
	  "\\360\\200\\200\\257", "\\360\\200\\200\\257",
	  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "half of a surrogate pair", "\xed\xa0\x80", "\\355\\240\\200", "\\355\\240\\200",
	  "\\355\\240\\200", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "more than the last character", "\xf4\x90\x80\x80", "\\364\\220\\200\\200",
	  "\\364\\220\\200\\200", "\\364\\220\\200\\200",
	  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "bytes that are never UTF-8", "\xfe\xff", "\\376\\377", "\\376\\377", "\\376\\377",
	  "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "a letter behind half a character",
	  "\xc3"
	  "a",
	  "\\303a", "\\303a", "\\303a",
	  "\xef\xbf\xbd"
	  "a" },
};

static void test_table(void)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *text = table[i].text;
		char json[256];

		tap_string(quote(NAME_UTF8, text), table[i].utf8, "%s: as a name",
			   table[i].promise);
		tap_string(quote(NAME_ASCII, text), table[i].ascii, "%s: where UTF-8 is not read",
			   table[i].promise);
		tap_string(quote(MESSAGE, text), table[i].message, "%s: in a message",
			   table[i].promise);
		snprintf(json, sizeof(json), "\"%s\"", table[i].json);
		tap_string(quote(JSON, text), json, "%s: in JSON", table[i].promise);
	}
}

/* Undoes a name's quoting. */
static void unquote(char *to, const char *from)
{
	static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";

	while (*from) {
		const char *named;

		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		named = strchr(names, from[1]);
		if (named) {
			*to++ = values[named - names];
			from += 2;
		} else {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
				       (from[3] - '0'));
			from += 4;
		}
	}
	*to = '\0';
}

/* Every pair of bytes. */
static void test_ways_back(void)
{
	int wrong = 0, steering = 0;

	for (int pair = 0; pair < 255 * 255; pair++) {
		char text[3] = { (char)(pair / 255 + 1), (char)(pair % 255 + 1), '\0' }, back[16];

		for (int how = NAME_UTF8; how <= NAME_ASCII; how++) {
			const char *quoted = quote((enum how)how, text);

			for (const char *c = quoted; *c; c++)
				steering += (unsigned char)*c < 0x20 || *c == 0x7f;
			unquote(back, quoted);
			wrong += strcmp(back, text) != 0;
		}
	}
	tap_number(wrong, 0, "of every pair of bytes a name tells which they were");
	tap_number(steering, 0, "and none is left that steers a terminal");
}

static void test_locale(void)
{
	setenv("LC_ALL", "C", 1);
	tap_ok(!tarx_quote_speaks_utf8(), "the C locale does not read UTF-8");
	setenv("LC_ALL", "C.UTF-8", 1);
	if (setlocale(LC_CTYPE, ""))
		tap_ok(tarx_quote_speaks_utf8(), "a locale of UTF-8 does");
	else
		tap_skip("a locale of UTF-8 does", "there is no C.UTF-8");
	setlocale(LC_CTYPE, "C");
	tarx_quote_speaks_utf8();
	tap_string(setlocale(LC_CTYPE, NULL), "C", "asking leaves the C locale as it is");
	setenv("LC_ALL", "nonsense", 1);
	tap_ok(!tarx_quote_speaks_utf8(), "a locale that is not there does not");
}

int main(void)
{
	test_table();
	test_ways_back();
	test_locale();
	return tap_done();
}
