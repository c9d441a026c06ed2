/* early_library - a block that is allocated before main, and before other constructors. */
#ifndef EARLY_LIBRARY_H
#define EARLY_LIBRARY_H

enum { EARLY_BYTES = 72704 }; /* as libstdc++'s emergency pool */
extern void *early_block;

#endif
