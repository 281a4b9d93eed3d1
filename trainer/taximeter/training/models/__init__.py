"""The networks that can be trained, and how they are changed to fit the images, the classes and transfer learning."""
