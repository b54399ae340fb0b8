/* Which paths were restored in this run. Knows them by 64 bits each, not by their text. */
#ifndef TARX_PLACED_H
#define TARX_PLACED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tarx_placed {
	uint64_t *slots; /* owned; 0: free */
	size_t count, size;
};

/* PATH, as of tarx_path_restored(), was restored, and the directories above it are needed. 0 or
 * -ENOMEM. */
int tarx_placed_add(struct tarx_placed *placed, const char *path);

/* PATH itself is forgotten; what it led to is not. */
void tarx_placed_remove(struct tarx_placed *placed, const char *path);

/* Whether PATH was restored itself; and whether it or something beneath it was. */
bool tarx_placed_has(const struct tarx_placed *placed, const char *path);
bool tarx_placed_leads(const struct tarx_placed *placed, const char *path);

void tarx_placed_release(struct tarx_placed *placed);

#endif
