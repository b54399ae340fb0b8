/* ACLs as text of other systems. Pure. */
#ifndef TARX_ACL_TEXT_H
#define TARX_ACL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Rewrites the body of a Solaris A header ("1000004", a NUL, "user::rw-,mask:r--,defaultother:---") as two ACLs of the
 * kind that an item has, each with room for 2 * LEN + 1 bytes; they may be empty. False: it is none, or one of
 * NFSv4. */
bool tarx_acl_of_solaris(const char *body, size_t len, char *access, char *inherited);

#endif
