"""What a plugin is: the nouns and the two interfaces that core and plugins share."""
