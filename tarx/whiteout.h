/* Removals as OCI image layers spell them: names that begin with ".wh.". Pure. See "Whiteouts" in
 * the OCI image specification's layer.md. */
#ifndef TARX_WHITEOUT_H
#define TARX_WHITEOUT_H

#include <stdbool.h>

enum tarx_oci {
	TARX_OCI_PLAIN, /* no such name */
	TARX_OCI_WHITEOUT, /* removes one name */
	TARX_OCI_OPAQUE, /* ".wh..wh..opq": hides all that lower layers have in its directory */
	TARX_OCI_RESERVED, /* such a name, but it removes nothing that could be removed */
};

/* What a member called PATH (as of tarx_path_restored()) says. HIDDEN, with room for strlen(PATH) + 1
 * bytes, gets the path that is removed or the directory that is opaque ("" for the target itself);
 * it is one that stays beneath the target. */
enum tarx_oci tarx_whiteout_read(const char *path, char *hidden);

/* Whether the last component of PATH begins with ".wh.": such a file cannot be kept in a layer. */
bool tarx_whiteout_is_reserved(const char *path);

/* The member that removes PATH, and the one that makes the directory PATH opaque. Owned by the caller;
 * NULL: no memory. */
char *tarx_whiteout_of(const char *path);
char *tarx_whiteout_opaque_of(const char *path);

#endif
