/* File flags as words: "nodump,nocow". libarchive's words where it has one, so that they are those of
 * SCHILY.fflags too. Pure. */
#ifndef TARX_FFLAGS_H
#define TARX_FFLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARX_FFLAGS_ROOM 160 /* all words, commas and a NUL */

/* Bits are FS_IMMUTABLE_FL and the like of <linux/fs.h>. */

/* The words of FLAGS, in a fixed order. Flags that the kernel sets by itself have none, and an empty
 * text says that there are no others. Returns the length. */
size_t tarx_fflags_words(char out[TARX_FFLAGS_ROOM], uint32_t flags);

/* The flags that TEXT names. Where UNKNOWN is not NULL it receives the first word that is none of
 * ours, *LEN bytes long, or NULL. */
uint32_t tarx_fflags_parse(const char *text, const char **unknown, size_t *len);

/* The word of one flag. */
const char *tarx_fflags_word(uint32_t flag);

/* Flags that must wait until all else is done, as with them nothing can be written, or only slowly. */
uint32_t tarx_fflags_last(void);

/* Flags about how a file system stores bytes; where it has no such way nothing is lost. */
uint32_t tarx_fflags_hints(void);

#endif
