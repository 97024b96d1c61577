"""The explorer: a page over the results folder, served to this machine only (`lazyrich explore`)."""
