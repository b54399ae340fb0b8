#include "tarx/chmod.h"
#include "tests/lib/tap.h"

#include <stddef.h>

#define FILE_ S_IFREG
#define DIR_  S_IFDIR

/* As chmod(1) and GNU tar's --mode have them. */
static const struct {
	const char *changes;
	mode_t umask, mode, want;
} rows[] = {
	{ "0", 022, FILE_ | 0644, FILE_ },
	{ "644", 022, FILE_ | 07777, FILE_ | 0644 },
	{ "644", 022, DIR_ | 07777, DIR_ | 06644 },
	{ "00644", 022, DIR_ | 07777, DIR_ | 0644 },
	{ "2755", 022, DIR_ | 04700, DIR_ | 06755 },
	{ "7777", 022, FILE_, FILE_ | 07777 },
	{ "u+x", 022, FILE_ | 0644, FILE_ | 0744 },
	{ "u+s,g-w", 022, FILE_ | 0664, FILE_ | 04644 },
	{ "g+s", 022, FILE_ | 0644, FILE_ | 02644 },
	{ "o+s", 022, FILE_ | 0644, FILE_ | 0644 },
	{ "+t", 022, DIR_ | 0755, DIR_ | 01755 },
	{ "u=rwx,go=rX", 022, FILE_ | 0600, FILE_ | 0755 },
	{ "go=rX", 022, FILE_ | 0600, FILE_ | 0644 },
	{ "a+X", 022, FILE_ | 0644, FILE_ | 0644 },
	{ "a+X", 022, FILE_ | 0744, FILE_ | 0755 },
	{ "a+X", 022, DIR_ | 0644, DIR_ | 0755 },
	{ "+x", 022, FILE_ | 0644, FILE_ | 0755 },
	{ "+w", 022, FILE_ | 0444, FILE_ | 0644 },
	{ "-w", 022, FILE_ | 0666, FILE_ | 0466 },
	{ "=r", 022, FILE_ | 0777, FILE_ | 0444 },
	{ "=", 022, DIR_ | 06777, DIR_ | 06000 },
	{ "a=,u=rw", 022, FILE_ | 0777, FILE_ | 0600 },
	{ "o=u", 022, FILE_ | 0750, FILE_ | 0757 },
	{ "g=u+w", 022, FILE_ | 0541, FILE_ | 0571 },
	{ "u=g=o", 022, FILE_ | 0754, FILE_ | 0454 },
	{ "ug=o,a-x", 022, FILE_ | 0777, FILE_ | 0666 },
	{ "u+rws+t", 022, FILE_ | 0644, FILE_ | 04644 },
	{ "u-s", 022, DIR_ | 06755, DIR_ | 02755 },
	{ "u=rwx", 022, DIR_ | 06755, DIR_ | 06755 },
	{ "=755", 022, FILE_ | 0600, FILE_ | 0755 },
	{ "+111", 022, FILE_ | 0644, FILE_ | 0755 },
	{ "-044", 022, FILE_ | 0644, FILE_ | 0600 },
	{ "+111,-1", 022, FILE_ | 0644, FILE_ | 0754 },
	{ "=0", 022, DIR_ | 06755, DIR_ },
};

static const char *const wrong[] = { "",        "8",    "10000", "u",     "u+q",
				     ",u+x",    "u+x,", "u+x,,", "x",     "u+755",
				     "755,u+x", "+1x",  "7a",    "a + x", "++8" };

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		mode_t mode = rows[i].mode;

		tap_ok(tarx_chmod(rows[i].changes, rows[i].umask, &mode) == 0 &&
			       mode == rows[i].want,
		       "%s makes %o of %o", rows[i].changes, rows[i].want, rows[i].mode);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		mode_t mode = FILE_ | 0644;

		tap_ok(tarx_chmod(wrong[i], 022, &mode) == -1 && mode == (FILE_ | 0644),
		       "\"%s\" is refused, and changes nothing", wrong[i]);
	}
	return tap_done();
}
