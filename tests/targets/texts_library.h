/* texts_library - a domain of translations that is bound before main. */
#ifndef TEXTS_LIBRARY_H
#define TEXTS_LIBRARY_H

extern const char texts_domain[];

#endif
