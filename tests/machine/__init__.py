"""A machine that plays a cafe at random, with a provider that errs and a server that dies, and looks at every penny."""
