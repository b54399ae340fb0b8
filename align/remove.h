/* Taking a tree away. */
#ifndef ALIGN_REMOVE_H
#define ALIGN_REMOVE_H

/* Removes NAME in the directory DIR, a directory with all that is in it. No symbolic link is followed
 * and no other mount is entered. A level of directories costs a descriptor. Returns 0 (-ENOENT where
 * there is no such name) or -errno; then a part of it may be gone. */
int tx_remove_tree(int dir, const char *name);

#endif
