#include "tarx/whiteout.h"
#include "tests/lib/tap.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *path;
	enum tarx_oci kind;
	const char *hidden; /* NULL: nothing */
} reads[] = {
	{ "a", TARX_OCI_PLAIN, NULL },
	{ "wh.a", TARX_OCI_PLAIN, NULL },
	{ ".wha", TARX_OCI_PLAIN, NULL },
	{ "a.wh.b", TARX_OCI_PLAIN, NULL },
	{ ".wh.d/file", TARX_OCI_PLAIN, NULL },
	{ "", TARX_OCI_PLAIN, NULL },
	{ ".wh.a", TARX_OCI_WHITEOUT, "a" },
	{ "d/.wh.a", TARX_OCI_WHITEOUT, "d/a" },
	{ "d/e/.wh.a b", TARX_OCI_WHITEOUT, "d/e/a b" },
	{ ".wh.d/.wh.a", TARX_OCI_WHITEOUT, ".wh.d/a" },
	{ ".wh....", TARX_OCI_WHITEOUT, "..." },
	{ ".wh..a", TARX_OCI_WHITEOUT, ".a" },
	{ ".wh..wh", TARX_OCI_WHITEOUT, ".wh" },
	{ ".wh.\xff", TARX_OCI_WHITEOUT, "\xff" },
	{ ".wh..wh..opq", TARX_OCI_OPAQUE, "" },
	{ "d/.wh..wh..opq", TARX_OCI_OPAQUE, "d" },
	{ "d/e/.wh..wh..opq", TARX_OCI_OPAQUE, "d/e" },
	{ ".wh.", TARX_OCI_RESERVED, NULL },
	{ "d/.wh.", TARX_OCI_RESERVED, NULL },
	{ ".wh..", TARX_OCI_RESERVED, NULL },
	{ "d/.wh..", TARX_OCI_RESERVED, NULL },
	{ ".wh...", TARX_OCI_RESERVED, NULL },
	{ "d/.wh...", TARX_OCI_RESERVED, NULL },
	{ ".wh..wh.plnk", TARX_OCI_RESERVED, NULL },
	{ "d/.wh..wh..opqx", TARX_OCI_RESERVED, NULL },
};

static const struct {
	const char *path, *whiteout, *opaque;
} writes[] = {
	{ "a", ".wh.a", "a/.wh..wh..opq" },
	{ "./a", "./.wh.a", "./a/.wh..wh..opq" },
	{ "d/a", "d/.wh.a", "d/a/.wh..wh..opq" },
	{ "d/.a\n", "d/.wh..a\n", "d/.a\n/.wh..wh..opq" },
};

static void test_reads(void)
{
	for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++) {
		char hidden[64] = "untouched";
		enum tarx_oci kind = tarx_whiteout_read(reads[i].path, hidden);

		tap_number(kind, reads[i].kind, "\"%s\" is of its kind", reads[i].path);
		if (reads[i].hidden)
			tap_string(hidden, reads[i].hidden, "and hides what it names");
	}
}

static void test_writes(void)
{
	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		char *whiteout = tarx_whiteout_of(writes[i].path);
		char *opaque = tarx_whiteout_opaque_of(writes[i].path);

		tap_string(whiteout, writes[i].whiteout, "\"%s\" is removed", writes[i].path);
		tap_string(opaque, writes[i].opaque, "\"%s\" is made opaque", writes[i].path);
		free(whiteout);
		free(opaque);
	}
}

int main(void)
{
	test_reads();
	test_writes();
	tap_ok(tarx_whiteout_is_reserved("d/.wh.x") && tarx_whiteout_is_reserved(".wh.") &&
		       !tarx_whiteout_is_reserved(".wh.d/x") && !tarx_whiteout_is_reserved(".wh"),
	       "only the last component counts for whether a name can be kept in a layer");
	return tap_done();
}
