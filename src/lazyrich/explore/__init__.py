"""The explorer: a page of one's own machine over the results folder (`lazyrich explore`)."""
